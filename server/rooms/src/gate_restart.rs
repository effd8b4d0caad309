//! Who has a call after the server forgot it, in every order of coming back: against the real [`Gates`], like `gate_model`.

use std::collections::BTreeMap;

use conclave_protocol::{ids::TransportId, keys::GatePk};

use crate::{
    gate::{Candidate, Gates},
    io::ConnId,
};

/// Members of the call.
const HONEST: [u8; 3] = [1, 2, 3];
/// Was removed by the last commit before the restart.
const MALLORY: u8 = 4;
/// Has the link, and whatever Mallory gives away.
const STRANGER: u8 = 5;
/// A member that was away all the time.
const LATE: u8 = 6;

fn tab(n: u8) -> TransportId {
    TransportId::from_bytes([n; 16])
}

fn gate(n: u8) -> GatePk {
    GatePk::from_bytes([n; 32])
}

fn conn_of(who: u8) -> ConnId {
    ConnId(u64::from(who))
}

/// After a restart: three members at sequence 5, Mallory, removed there, who knows the gate of 4, and the stranger with it. In whatever order they come, with time between or not:
/// the members have the call.
#[test]
fn after_a_restart_nobody_has_the_call_for_being_first() {
    let claims = [
        (1, 5, 50),
        (2, 5, 50),
        (3, 5, 50),
        (MALLORY, 900, 60),
        (STRANGER, 900, 60),
    ];
    let mut orders = Vec::new();
    permute(&mut claims.to_vec(), 0, &mut orders);
    assert_eq!(orders.len(), 120);
    for order in &orders {
        for pauses in 0..32_u32 {
            for lie in [(900, 60), (4, 40), (0, 61), (5, 61)] {
                for cut in [None, Some(1), Some(3)] {
                    run_restart(order, pauses, lie, cut);
                }
            }
        }
    }
}

fn permute(rest: &mut Vec<(u8, u64, u8)>, at: usize, out: &mut Vec<Vec<(u8, u64, u8)>>) {
    if at == rest.len() {
        out.push(rest.clone());
    }
    for i in at..rest.len() {
        rest.swap(at, i);
        permute(rest, at + 1, out);
        rest.swap(at, i);
    }
}

fn run_restart(order: &[(u8, u64, u8)], pauses: u32, (lie_seq, lie_gate): (u64, u8), cut: Option<u8>) {
    let mut conns: BTreeMap<u8, ConnId> = BTreeMap::new();
    let mut now = 1_000;
    let mut gates: Option<Gates> = None;
    for (n, (who, seq, at)) in order.iter().enumerate() {
        let hostile = [MALLORY, STRANGER].contains(who);
        let (seq, at) = if hostile { (lie_seq, lie_gate) } else { (*seq, *at) };
        let gates = gates.get_or_insert_with(|| Gates::new(now, seq, true));
        let conn = conn_of(*who);
        conns.insert(*who, conn);
        gates.attach(now, conn, tab(*who), seq);
        gates.prove_unsigned(now, conn, seq, gate(at));
        gates.changes();
        // All within the eight seconds in which clients come back.
        if pauses & (1 << n) != 0 {
            now += 1_500;
            gates.tick(now);
        }
        // One of them loses the line again at once, and comes back last.
        if cut == Some(*who) {
            gates.detach(now, conn);
        }
    }
    let Some(mut gates) = gates else { return };
    if let Some(who) = cut {
        let conn = ConnId(100);
        conns.insert(who, conn);
        gates.attach(now, conn, tab(who), 5);
        gates.prove_unsigned(now, conn, 5, gate(50));
    }
    for _ in 0..8 {
        if let Some(at) = gates.next_deadline(now) {
            now = at;
            gates.tick(at);
        }
    }
    for who in HONEST {
        let has = gates.has_rights(conns[&who]);
        assert!(
            has,
            "a member is out of its own call: {order:?} {pauses:b} {lie_seq} {lie_gate} {cut:?}"
        );
    }
    for who in [MALLORY, STRANGER] {
        assert!(!gates.has_rights(conns[&who]), "somebody who was removed is in");
    }
}

/// For a minute whoever proves the live gate is one of the members, and nobody else; then the log alone says who is.
#[test]
fn a_member_that_comes_late_after_a_restart_is_one_for_a_minute() {
    let mut gates = Gates::new(0, 5, true);
    let comes = |gates: &mut Gates, now, who: u8, at: u8| {
        gates.attach(now, conn_of(who), tab(who), 5);
        gates.prove_unsigned(now, conn_of(who), 5, gate(at));
        gates.has_rights(conn_of(who))
    };
    comes(&mut gates, 0, 1, 50);
    comes(&mut gates, 0, 2, 50);
    assert_eq!(gates.tick(2_000), Some(5));
    assert!(comes(&mut gates, 30_000, 3, 50));
    assert!(!comes(&mut gates, 30_000, MALLORY, 40));
    // Removed within that minute: it does not come back by proving what it knows.
    let drop = Candidate::unsigned(6, (gate(51), gate(50)), vec![tab(3)], Vec::new(), conn_of(1));
    gates.announce(31_000, drop);
    gates.prove_unsigned(31_000, conn_of(2), 6, gate(51));
    for (seq, at) in [(5, 50), (6, 50), (7, 50)] {
        gates.prove_unsigned(32_000, conn_of(3), seq, gate(at));
        assert!(!gates.has_rights(conn_of(3)));
    }
    gates.detach(32_000, conn_of(3));
    assert!(!comes(&mut gates, 33_000, 3, 50));
    gates.tick(60_000);
    assert_eq!(gates.strangers(), [(conn_of(3), true), (conn_of(MALLORY), false)]);
    assert!(!gates.may_attach(tab(LATE)), "one who comes after that is added anew");
}

/// Somebody to whom a member gave a key proved it on a connection that the server could not yet tell from a member's. Added later, it has to prove where it stands.
#[test]
fn what_was_proven_before_being_a_member_proves_nothing() {
    let mut gates = Gates::new(0, 5, true);
    for who in HONEST {
        gates.attach(0, conn_of(who), tab(who), 5);
        gates.prove_unsigned(0, conn_of(who), 5, gate(50));
    }
    gates.tick(2_000);
    gates.attach(3_000, conn_of(LATE), tab(LATE), 5);
    let commit =
        |seq, (next, parent), add| Candidate::unsigned(seq, (gate(next), gate(parent)), Vec::new(), add, conn_of(1));
    gates.announce(3_000, commit(6, (51, 50), Vec::new()));
    gates.prove_unsigned(3_000, conn_of(LATE), 6, gate(51));
    gates.prove_unsigned(3_000, conn_of(2), 6, gate(51));
    assert!(!gates.has_rights(conn_of(LATE)), "not a member");
    gates.announce(4_000, commit(7, (52, 51), vec![tab(LATE)]));
    gates.prove_unsigned(4_000, conn_of(2), 7, gate(52));
    assert!(
        !gates.has_rights(conn_of(LATE)),
        "has shown no key of the call since it is one"
    );
    gates.prove_unsigned(4_000, conn_of(LATE), 7, gate(52));
    assert!(gates.has_rights(conn_of(LATE)));
}
