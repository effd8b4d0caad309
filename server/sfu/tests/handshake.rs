//! Connecting through a network that loses things.

mod common;

use std::time::Duration;

use common::{Net, Shape, Way, dice};

/// Longest a single lost datagram may hold a member up: the client's own timer doubles from 200 ms here.
const PATIENCE: Duration = Duration::from_secs(5);

fn is_handshake(data: &[u8]) -> bool {
    data.first().is_some_and(|first| (20..64).contains(first))
}

/// Datagrams of one undisturbed handshake, in each direction.
fn count(shape: &Shape) -> (usize, usize) {
    let counts = std::rc::Rc::new(std::cell::Cell::new((0, 0)));
    let mut net = Net::new();
    let shared = counts.clone();
    net.loss = Box::new(move |way, data| {
        let (up, down) = shared.get();
        match way {
            Way::ToServer if is_handshake(data) => shared.set((up + 1, down)),
            Way::ToClient if is_handshake(data) => shared.set((up, down + 1)),
            _ => {}
        }
        false
    });
    net.join_connected(shape.clone());
    counts.get()
}

fn connects_without(shape: &Shape, way: Way, lost: usize) -> Duration {
    let mut net = Net::new();
    let mut number = 0;
    net.loss = Box::new(move |direction, data| {
        let counted = direction == way && is_handshake(data);
        number += usize::from(counted);
        counted && number == lost + 1
    });
    let at = net.join(shape.clone());
    let took = net.until(
        &format!("connected though datagram {lost} {way:?} was lost"),
        PATIENCE,
        |net| net.clients[at].connected() && net.sfu.counters().handshakes == 1,
    );
    assert_eq!(net.sfu.counters().handshakes_failed, 0);
    took
}

#[test]
fn every_single_lost_datagram_is_survived() {
    let shape = Shape::default();
    let (up, down) = count(&shape);
    assert!(
        up >= 3 && down >= 3,
        "the count sees the handshake: {up} up, {down} down"
    );
    for lost in 0..up {
        connects_without(&shape, Way::ToServer, lost);
    }
    for lost in 0..down {
        connects_without(&shape, Way::ToClient, lost);
    }
}

#[test]
fn a_hello_in_several_datagrams_is_reassembled_and_survives_the_loss_of_each() {
    let shape = Shape {
        mtu: 100,
        ..Shape::default()
    };
    let (up, down) = count(&shape);
    assert!(up > 8, "the hello really comes in pieces: {up}");
    for lost in 0..up {
        connects_without(&shape, Way::ToServer, lost);
    }
    for lost in 0..down {
        connects_without(&shape, Way::ToClient, lost);
    }
}

#[test]
fn a_fifth_of_everything_lost_at_300_ms_round_trip_still_connects() {
    for seed in 1..=40 {
        // The library's own timer. It gives up after seven repeats, which at 200 ms each is too soon for such a path.
        let shape = Shape {
            flight_interval: Duration::from_secs(1),
            ..Shape::default()
        };
        let mut net = Net::new();
        net.delay = Duration::from_millis(150);
        let mut roll = dice(seed);
        net.loss = Box::new(move |_, _| roll() < 0.2);
        let at = net.join(shape);
        net.until(&format!("connected with seed {seed}"), Duration::from_secs(25), |net| {
            net.clients[at].connected()
        });
    }
}

#[test]
fn resends_are_bounded_when_the_client_falls_silent() {
    let mut net = Net::new();
    let mut hellos = 0;
    // The client's second hello gets through (the first is answered by a cookie), then nothing more.
    net.loss = Box::new(move |way, data| {
        let hello = way == Way::ToServer && is_handshake(data);
        hellos += usize::from(hello);
        hello && hellos > 2
    });
    net.join(Shape::default());
    net.run(Duration::from_secs(120));
    let counters = net.sfu.counters();
    assert!(
        counters.flights_resent >= 5 && counters.flights_resent <= 12,
        "{}",
        counters.flights_resent
    );
    assert_eq!((counters.handshakes, counters.handshakes_failed), (0, 1));
}

#[test]
fn another_certificate_than_the_offered_one_gets_no_keys() {
    let mut net = Net::new();
    let at = net.join(Shape {
        lie_about_certificate: true,
        ..Shape::default()
    });
    net.run(Duration::from_secs(5));
    let counters = net.sfu.counters();
    assert_eq!((counters.handshakes, counters.handshakes_failed), (0, 1));
    if net.clients[at].connected() {
        net.clients[at].send_opus(1, 1, b"sound");
        net.run(Duration::from_secs(1));
        assert_eq!(net.sfu.counters().media_in, 0);
    }
}

#[test]
fn a_new_connection_of_the_same_member_replaces_the_old_one() {
    let mut net = Net::new();
    let at = net.join_connected(Shape::default());
    let before = net.clients[at].slot_ssrcs("3");
    net.clients[at].start_over();
    net.offer(at);
    net.until("connected again", Duration::from_secs(5), |net| {
        net.clients[at].connected()
    });
    assert_eq!(net.sfu.counters().handshakes, 2);
    assert_ne!(before, net.clients[at].slot_ssrcs("3"), "new keys, new sources");
}

/// Cuts each clear handshake record in two behind `at` bytes. Clear record numbers are doubled to make room.
fn cut_in_two(datagram: &[u8], at: usize) -> Vec<Vec<u8>> {
    if !is_handshake(datagram) {
        return vec![datagram.to_vec()];
    }
    let mut out = Vec::new();
    let mut rest = datagram;
    while rest.len() >= 13 {
        let length = usize::from(u16::from_be_bytes([rest[11], rest[12]]));
        let (record, next) = rest.split_at(13 + length);
        rest = next;
        let mut header = record[..13].to_vec();
        if header[3..5] != [0, 0] {
            out.push(record.to_vec());
            continue;
        }
        let number = u16::from_be_bytes([header[9], header[10]]) * 2;
        let body = &record[13..];
        let data = body.get(12..).unwrap_or_default();
        let parts = if header[0] == 22 && data.len() > at {
            vec![(0, at), (at, data.len())]
        } else {
            vec![]
        };
        header[9..11].copy_from_slice(&number.to_be_bytes());
        if parts.is_empty() {
            out.push([header.as_slice(), body].concat());
        }
        for (place, (from, to)) in parts.into_iter().enumerate() {
            header[9..11].copy_from_slice(&(number + place as u16).to_be_bytes());
            header[11..13].copy_from_slice(&((12 + to - from) as u16).to_be_bytes());
            let mut fragment = body[..12].to_vec();
            fragment[6..9].copy_from_slice(&(from as u32).to_be_bytes()[1..]);
            fragment[9..12].copy_from_slice(&((to - from) as u32).to_be_bytes()[1..]);
            out.push([header.as_slice(), &fragment, &data[from..to]].concat());
        }
    }
    out
}

#[test]
fn repeats_that_are_cut_at_another_place_are_put_together() {
    // As Firefox does after some repeats. Every first cut loses its second half.
    let mut net = Net::new();
    let mut sent = 0;
    net.cut = Some(Box::new(move |datagram| {
        sent += usize::from(is_handshake(datagram));
        let mut pieces = cut_in_two(datagram, if sent % 2 == 1 { 60 } else { 40 });
        if is_handshake(datagram) && sent % 2 == 1 {
            pieces.truncate(1);
        }
        pieces
    }));
    let at = net.join(Shape::default());
    net.until("connected", PATIENCE, |net| {
        net.clients[at].connected() && net.sfu.counters().handshakes == 1
    });
}
