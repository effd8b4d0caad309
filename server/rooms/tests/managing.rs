//! Organisers and owners: one signed request on a connection, or some by whoever is in the room, and nothing learnt by trying.

#[allow(dead_code, reason = "each test file uses a part")]
mod common;

use common::{World, call, room, server};
use conclave_protocol::{
    ids::RoomId,
    keys::{Signer, TicketSecret},
    manage::{
        ManagedRoom, Replacement, RoomChange, TicketHash, record_hash, sign_change, sign_registration, sign_replacement,
    },
    message::{ClientMessage, RefusalCode, ServerMessage, client_type},
    room::Limits,
};
use conclave_rooms::{ConnId, Input, RegistryAnswer, RegistryRequest};

const NOT_ALLOWED: Option<u16> = Some(4_001);

fn ticket() -> TicketSecret {
    TicketSecret::from_bytes([5; 32])
}

impl World {
    fn register(&mut self, conn: ConnId, nonce: &[u8; 32], room: &common::TestRoom, key: &Signer) {
        let signature = sign_registration(key, &server(), nonce, &ticket(), &room.record);
        let message = ClientMessage::Register {
            ticket: ticket(),
            record: room.record.clone(),
            signature,
        };
        self.send(conn, &message);
    }

    fn manage(&mut self, conn: ConnId, nonce: &[u8; 32], room_id: RoomId, change: RoomChange, key: &Signer) {
        let signature = sign_change(key, &server(), nonce, room_id, &change);
        let message = ClientMessage::Manage {
            room_id,
            change,
            signature,
        };
        self.send(conn, &message);
    }

    fn nonce(&self, conn: ConnId) -> [u8; 32] {
        self.sockets[&conn].nonce
    }

    fn answer(&mut self, conn: ConnId, answer: RegistryAnswer) {
        self.input(Input::RegistryAnswer { conn, answer });
    }
}

/// Another link for `room`, signed by `key` for whoever may bring it.
fn replacement(room: &common::TestRoom, key: &Signer) -> Replacement {
    let mut record = room.record.clone();
    record.admission_pk = common::room(9, Limits::default()).record.admission_pk;
    sign_replacement(key, &server(), record_hash(&room.record), record)
}

fn managed(room: &common::TestRoom) -> ManagedRoom {
    ManagedRoom {
        record: room.record.clone(),
        limits: Limits::default(),
        last_day: 2,
        latest_day: 3,
    }
}

#[test]
fn an_organisers_request_reaches_the_registry_and_its_answer_ends_the_connection() {
    let mut w = World::new();
    let r = room(1, Limits::default());
    let conn = w.connect();
    let nonce = w.nonce(conn);
    w.register(conn, &nonce, &r, &r.manage);
    let Some((asked, RegistryRequest::Register(registration))) = w.registry.pop() else {
        panic!("the registry is asked");
    };
    assert_eq!(asked, conn);
    let (hash, record) = registration.into_parts();
    assert!(hash == TicketHash::of(&ticket()) && record == r.record);
    assert_eq!(w.closed(conn), None, "it waits for the registry");

    w.answer(conn, Ok(Some(managed(&r))));
    let got = w.received(conn);
    assert!(matches!(got.last(), Some(ServerMessage::Managed { room: Some(room) }) if room.record == r.record));
    assert_eq!(w.closed(conn), Some(1_000));
    // An answer that comes twice, or for somebody who has gone, is nobody's.
    w.answer(conn, Ok(None));
    assert!(w.received(conn).is_empty());
}

#[test]
fn an_owners_request_is_judged_by_the_key_in_the_stored_record() {
    let mut w = World::new();
    let (mine, theirs) = (room(1, Limits::default()), room(2, Limits::default()));
    w.add(&mine);
    w.add(&theirs);
    let id = mine.record.room_id;
    for change in [RoomChange::Read {}, RoomChange::Delete {}] {
        let conn = w.connect();
        let nonce = w.nonce(conn);
        w.manage(conn, &nonce, id, change.clone(), &mine.manage);
        let Some((_, RegistryRequest::Change(proof))) = w.registry.pop() else {
            panic!("the registry is asked");
        };
        assert!(proof.into_parts() == (id, change));
        w.answer(conn, Err(RefusalCode::StaleSequence));
        assert_eq!(w.refusals(conn), [RefusalCode::StaleSequence]);
        assert_eq!(w.closed(conn), Some(4_002));
    }
    let conn = w.connect();
    let nonce = w.nonce(conn);
    w.manage(conn, &nonce, id, RoomChange::Delete {}, &theirs.manage);
    assert!(w.registry.is_empty(), "another owner's key is no key here");
    assert_eq!(w.closed(conn), NOT_ALLOWED);
}

#[test]
fn c_manage_4_an_unknown_room_and_a_wrong_key_get_the_same_answer() {
    let mut w = World::new();
    let (known, unknown) = (room(1, Limits::default()), room(2, Limits::default()));
    w.add(&known);
    let mut answers = Vec::new();
    let stranger = Signer::from_seed(&[9; 32]);
    for (room_id, key) in [
        (known.record.room_id, &stranger),
        (unknown.record.room_id, &unknown.manage),
        (RoomId::from_bytes([0; 16]), &stranger),
        // Against the very key that unknown rooms are checked with.
        (unknown.record.room_id, &Signer::from_seed(&[0xdd; 32])),
    ] {
        let conn = w.connect();
        let nonce = w.nonce(conn);
        w.manage(conn, &nonce, room_id, RoomChange::Read {}, key);
        assert_eq!(w.closed(conn), NOT_ALLOWED);
        answers.push(w.received(conn).split_off(1));
    }
    assert!(answers.iter().all(|answer| answer.len() == 1 && *answer == answers[0]));
    assert!(w.registry.is_empty());
}

#[test]
fn a_recorded_request_is_worth_nothing_on_another_connection_and_none_is_made_twice() {
    let mut w = World::new();
    let r = room(1, Limits::default());
    w.add(&r);
    let (first, second) = (w.connect(), w.connect());
    let nonce = w.nonce(first);
    w.manage(second, &nonce, r.record.room_id, RoomChange::Delete {}, &r.manage);
    assert_eq!(w.closed(second), NOT_ALLOWED);
    let third = w.connect();
    w.register(third, &nonce, &r, &r.manage);
    assert_eq!(w.closed(third), NOT_ALLOWED);
    assert!(w.registry.is_empty());

    w.manage(first, &nonce, r.record.room_id, RoomChange::Read {}, &r.manage);
    assert_eq!(w.registry.len(), 1);
    w.manage(first, &nonce, r.record.room_id, RoomChange::Delete {}, &r.manage);
    assert_eq!(w.registry.len(), 1, "one request on a connection");
    assert_eq!(w.closed(first), Some(4_005));
    w.answer(first, Ok(None));
    assert!(
        w.received(first)
            .iter()
            .all(|m| !matches!(m, ServerMessage::Managed { .. }))
    );
}

#[test]
fn whoever_has_greeted_and_proven_nothing_manages_nothing() {
    let mut w = World::new();
    let r = room(1, Limits::default());
    w.add(&r);
    let conn = w.connect();
    let [hello, _] = w.proof(conn, &r.record, &r.secret, 1);
    w.send(conn, &hello);
    let nonce = w.nonce(conn);
    w.manage(conn, &nonce, r.record.room_id, RoomChange::Delete {}, &r.manage);
    assert_eq!(w.closed(conn), Some(4_005));
    assert!(w.registry.is_empty());
}

#[test]
fn a_registry_that_does_not_answer_holds_nobody() {
    let mut w = World::new();
    let r = room(1, Limits::default());
    w.add(&r);
    let conn = w.connect();
    let nonce = w.nonce(conn);
    w.manage(conn, &nonce, r.record.room_id, RoomChange::Read {}, &r.manage);
    w.pass(10_001);
    assert_eq!(w.closed(conn), NOT_ALLOWED);
    assert_eq!(w.rooms.totals().connections, 0);
}

#[test]
fn another_link_lets_those_inside_stay_and_admits_by_the_new_key_alone() {
    let mut w = World::new();
    let (old, new) = (room(1, Limits::default()), room(2, Limits::default()));
    w.add(&old);
    let inside = w.enter(&old, 1);
    let mut changed = old.record.clone();
    changed.admission_pk = new.record.admission_pk;
    w.input(Input::RoomAdded(changed.clone()));
    assert_eq!(w.closed(inside), None);
    let late = w.enter(&old, 2);
    assert_eq!(w.closed(late), NOT_ALLOWED, "as if there were no such room");
    let conn = w.connect();
    for message in w.proof(conn, &changed, &new.secret, 3) {
        w.send(conn, &message);
    }
    assert_eq!(w.closed(conn), None);
    assert!(matches!(w.received(conn).last(), Some(ServerMessage::Admitted { .. })));
}

#[test]
fn an_owner_in_a_call_changes_the_room_and_the_call_goes_on() {
    let mut w = World::new();
    let (mine, theirs) = (room(1, Limits::default()), room(2, Limits::default()));
    w.add(&mine);
    w.add(&theirs);
    let conn = w.attend(&mine, 1, call(1), 0);
    let (id, nonce) = (mine.record.room_id, w.nonce(conn));
    w.forget();
    for _ in 0..2 {
        w.manage(conn, &nonce, id, RoomChange::Read {}, &mine.manage);
        assert!(matches!(w.registry.pop(), Some((asked, RegistryRequest::Change(_))) if asked == conn));
        // One at a time.
        w.manage(conn, &nonce, id, RoomChange::Read {}, &mine.manage);
        assert!(w.registry.is_empty());
        assert_eq!(w.refusals(conn), [RefusalCode::RateLimited]);
        w.answer(conn, Ok(Some(managed(&mine))));
        assert!(matches!(
            w.received(conn)[..],
            [ServerMessage::Managed { room: Some(_) }]
        ));
        // An answer to nothing.
        w.answer(conn, Ok(None));
        assert!(w.received(conn).is_empty());
    }
    w.manage(conn, &nonce, id, RoomChange::Read {}, &mine.manage);
    w.answer(conn, Err(RefusalCode::StaleSequence));
    assert_eq!(w.refusals(conn), [RefusalCode::StaleSequence]);
    w.registry.clear();
    // The key of another room, another room, another connection's nonce.
    let other = w.connect();
    let others_nonce = w.nonce(other);
    for (nonce, id, key) in [
        (&nonce, id, &theirs.manage),
        (&nonce, theirs.record.room_id, &theirs.manage),
        (&others_nonce, id, &mine.manage),
    ] {
        w.manage(conn, nonce, id, RoomChange::Delete {}, key);
        assert_eq!(w.refusals(conn), [RefusalCode::NotAllowed]);
        assert!(w.registry.is_empty());
    }
    assert!(w.closed(conn).is_none() && w.sockets[&conn].rights, "the call goes on");
    // More than anybody's clicks is asked later.
    for _ in 0..20 {
        w.manage(conn, &nonce, id, RoomChange::Delete {}, &theirs.manage);
    }
    assert_eq!(w.refusals(conn).last(), Some(&RefusalCode::RateLimited));
}

#[test]
fn anybody_in_the_room_brings_what_its_owner_signed_beforehand() {
    let mut w = World::new();
    let (mine, theirs) = (room(1, Limits::default()), room(2, Limits::default()));
    w.add(&mine);
    w.add(&theirs);
    // One who takes part, and one who only has the link.
    let conns = [w.attend(&mine, 1, call(1), 0), w.enter(&mine, 2)];
    w.forget();
    let good = replacement(&mine, &mine.manage);
    let bring = |w: &mut World, conn, replacement: &Replacement| {
        let replacement = replacement.clone();
        w.send(conn, &ClientMessage::Replace { replacement });
    };
    for conn in conns {
        bring(&mut w, conn, &good);
        let Some((asked, RegistryRequest::Change(proof))) = w.registry.pop() else {
            panic!("the registry is asked");
        };
        assert_eq!(asked, conn);
        let (base, record) = (good.base, good.record.clone());
        assert!(proof.into_parts() == (mine.record.room_id, RoomChange::Replace { base, record }));
        // One at a time, whichever it is.
        bring(&mut w, conn, &good);
        let nonce = w.nonce(conn);
        w.manage(conn, &nonce, mine.record.room_id, RoomChange::Read {}, &mine.manage);
        assert_eq!(w.refusals(conn), [RefusalCode::RateLimited; 2]);
        assert!(w.registry.is_empty());
        w.answer(conn, Ok(Some(managed(&mine))));
        assert!(matches!(
            w.received(conn)[..],
            [ServerMessage::Managed { room: Some(_) }]
        ));
        // Somebody else was first.
        bring(&mut w, conn, &good);
        w.answer(conn, Err(RefusalCode::StaleSequence));
        assert!(matches!(
            w.received(conn)[..],
            [ServerMessage::Refused {
                re: client_type::REPLACE,
                code: RefusalCode::StaleSequence,
                ..
            }]
        ));
        w.registry.clear();
    }
    // Of another room, by its own owner or by this one's; signed by nobody; changed since.
    let mut changed = good.clone();
    changed.record.sheet[7] ^= 1;
    for bad in [
        replacement(&theirs, &theirs.manage),
        replacement(&theirs, &mine.manage),
        replacement(&mine, &theirs.manage),
        changed,
    ] {
        bring(&mut w, conns[0], &bad);
        assert_eq!(w.refusals(conns[0]), [RefusalCode::NotAllowed]);
    }
    // More than anybody needs is asked later, and the call goes on.
    for _ in 0..20 {
        bring(&mut w, conns[0], &good);
        w.answer(conns[0], Err(RefusalCode::StaleSequence));
    }
    assert_eq!(w.refusals(conns[0]).last(), Some(&RefusalCode::RateLimited));
    assert!(w.registry.len() < 20, "a flood reaches the registry");
    assert!(w.closed(conns[0]).is_none() && w.sockets[&conns[0]].rights);
}

#[test]
fn whoever_is_not_admitted_brings_nothing() {
    let mut w = World::new();
    let r = room(1, Limits::default());
    w.add(&r);
    let (fresh, greeted) = (w.connect(), w.connect());
    let [hello, _] = w.proof(greeted, &r.record, &r.secret, 1);
    w.send(greeted, &hello);
    for conn in [fresh, greeted] {
        let replacement = replacement(&r, &r.manage);
        w.send(conn, &ClientMessage::Replace { replacement });
        assert_eq!(w.closed(conn), Some(4_005));
    }
    assert!(w.registry.is_empty());
}
