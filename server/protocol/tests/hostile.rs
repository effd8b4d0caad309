//! Hostile bytes: every truncation and every single flipped bit of valid values, and arbitrary bytes. Nothing panics, and what is accepted has
//! exactly one spelling. Round trips of arbitrary values the other way.

#[allow(dead_code, reason = "each test file uses a part")]
mod cases;

use cases::{counting, guest_link, new_room, roles::moderators_key, server};
use conclave_protocol::{
    Error, LinkError,
    admission::verify,
    chunk::{Inbox, split},
    credential::{Deed, HostCredential, Mandate, Role},
    envelope::{ClearPart, Envelope, EnvelopeType, open, padded_len, seal},
    gate::{ProofContext, verify_commit},
    ids::{CallId, RoomFp, TransportId},
    keys::{
        AdmissionPk, EnvelopeKey, GatePk, LinkKeys, LinkSecret, MandatePk, RootKeys, RootSeed, Signer, TransportPk,
    },
    limits::{CHUNK_DATA, MAX_ASSEMBLED, MAX_BODY, MAX_FRAME},
    link::{GuestLink, Link, LinkFlags, ServerName},
    message::{ClientMessage, ServerMessage},
    moderator::ModeratorKey,
    room::{Limits, RoomRecord},
    sheet::{self, Sheet, SheetSigner},
};
use proptest::prelude::*;

/// Every proper prefix, and every copy with one bit flipped.
fn mutations(valid: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cut = (0..valid.len()).map(|n| valid[..n].to_vec());
    let flipped = (0..valid.len() * 8).map(|bit| {
        let mut bytes = valid.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    cut.chain(flipped)
}

/// Runs `decode` on all mutations; what it accepts must encode to the very bytes it was given.
fn one_spelling<T>(name: &str, valid: &[u8], decode: impl Fn(&[u8]) -> Option<T>, encode: impl Fn(&T) -> Vec<u8>) {
    assert!(decode(valid).is_some(), "{name}: the valid value is refused");
    for bytes in mutations(valid) {
        if let Some(value) = decode(&bytes) {
            assert!(encode(&value) == bytes, "{name}: two spellings of one value");
        }
    }
}

#[test]
fn messages_survive_every_cut_and_flip() {
    for (name, message) in cases::server_messages() {
        one_spelling(
            name,
            &message.encode(),
            |b| ServerMessage::decode(b).ok(),
            ServerMessage::encode,
        );
    }
    for (name, message) in cases::client_messages() {
        one_spelling(
            name,
            &message.encode(),
            |b| ClientMessage::decode(b).ok(),
            ClientMessage::encode,
        );
    }
}

#[test]
fn records_and_mandates_survive_every_cut_and_flip() {
    one_spelling(
        "record",
        &new_room().record.encode(),
        |b| RoomRecord::decode(b).ok(),
        RoomRecord::encode,
    );
    let (root, mandate) = cases::mandate();
    let valid = mandate.to_bytes();
    one_spelling("mandate", &valid, |b| Mandate::from_slice(b).ok(), Mandate::to_bytes);
    for bytes in mutations(&valid) {
        let verified = Mandate::from_slice(&bytes).is_ok_and(|m| m.verify(&root.root_pk()).is_ok());
        assert!(!verified, "C-MANDATE-2: a changed mandate still verifies");
    }
}

#[test]
fn c_env_1_an_envelope_opens_only_unchanged() {
    let key = cases::envelope_key();
    for (name, clear) in cases::clear_parts() {
        let valid = cases::sealed(&key, clear, b"hello", counting(1)).encode();
        one_spelling(name, &valid, |b| Envelope::decode(b).ok(), Envelope::encode);
        let read = |bytes: &[u8]| {
            let envelope = Envelope::decode(bytes)?;
            // What the sealing does not cover, the gate's signature is.
            if envelope.clear.kind == EnvelopeType::Commit {
                verify_commit(&envelope, &gate())?;
            }
            open(&key, &envelope)
        };
        assert!(read(&valid).is_ok(), "the honest control");
        for bytes in mutations(&valid) {
            let opened = read(&bytes);
            assert!(opened.is_err(), "{name}: a changed envelope opens");
        }
    }
}

fn gate() -> GatePk {
    GatePk::from_bytes(cases::gate().public())
}

#[test]
fn c_gate_1_a_commit_is_signed_whole_by_the_gate_it_ends() {
    let key = cases::envelope_key();
    for (name, clear) in cases::clear_parts().into_iter().filter(|(_, c)| c.next_gate.is_some()) {
        let signed = cases::sealed(&key, clear, b"hello", counting(1));
        assert!(verify_commit(&signed, &gate()).is_ok(), "{name}: the honest control");
        let mut of_another_body = cases::sealed(&key, signed.clear.clone(), b"other", counting(1));
        of_another_body.clear.gate_signature = signed.clear.gate_signature;
        let next = signed.clear.next_gate.unwrap();
        let changes: [fn(&mut ClearPart); 4] = [
            |c| c.drop.push(TransportId::from_bytes([9; 16])),
            |c| c.to.push(TransportId::from_bytes([9; 16])),
            |c| c.base_seq = Some(40),
            |c| c.next_gate = Some(gate()),
        ];
        let mut forged = vec![of_another_body];
        forged.extend(changes.map(|change| {
            let mut envelope = signed.clone();
            change(&mut envelope.clear);
            envelope
        }));
        for envelope in forged {
            assert!(
                verify_commit(&envelope, &gate()).is_err(),
                "{name}: a changed commit verifies"
            );
        }
        assert!(verify_commit(&signed, &next).is_err(), "{name}: by another gate");
    }
}

#[test]
fn c_gate_2_a_proof_is_for_one_connection_call_sequence_and_gate() {
    let transport = |n: u8| TransportPk::from_bytes(Signer::from_seed(&[n; 32]).public());
    let (call, signer) = (CallId::from_bytes(counting(0x22)), cases::gate());
    let (here, elsewhere) = (server("meet.example.org"), server("other.example.org"));
    let context = |server, nonce, transport_pk| ProofContext {
        server,
        server_nonce: nonce,
        transport_pk,
    };
    let (one, two) = (transport(1), transport(2));
    let signature = context(&here, &[1; 32], &one).sign(&call, 42, &signer);
    let verify =
        |c: &ProofContext<'_>, call: &CallId, seq, gate: &GatePk| c.verify(call, seq, gate, &signature).is_ok();
    assert!(
        verify(&context(&here, &[1; 32], &one), &call, 42, &gate()),
        "the honest control"
    );
    let other_gate = GatePk::from_bytes(Signer::from_seed(&[9; 32]).public());
    assert!(
        !verify(&context(&elsewhere, &[1; 32], &one), &call, 42, &gate()),
        "another server"
    );
    assert!(
        !verify(&context(&here, &[2; 32], &one), &call, 42, &gate()),
        "another connection"
    );
    assert!(
        !verify(&context(&here, &[1; 32], &two), &call, 42, &gate()),
        "another tab"
    );
    assert!(
        !verify(
            &context(&here, &[1; 32], &one),
            &CallId::from_bytes([0; 16]),
            42,
            &gate()
        ),
        "another call"
    );
    assert!(
        !verify(&context(&here, &[1; 32], &one), &call, 43, &gate()),
        "another sequence"
    );
    assert!(
        !verify(&context(&here, &[1; 32], &one), &call, 42, &other_gate),
        "another gate"
    );
}

#[test]
fn an_envelope_cannot_be_retyped_or_readdressed() {
    let key = cases::envelope_key();
    let call = CallId::from_bytes(counting(1));
    let mut envelope = seal(&key, ClearPart::message(call), b"hello", counting(1)).unwrap();
    assert!(open(&key, &envelope).is_ok());
    envelope.clear = ClearPart::knock(call);
    assert!(matches!(open(&key, &envelope), Err(Error::NotAuthentic)));
    envelope.clear = ClearPart::message(CallId::from_bytes(counting(2)));
    assert!(matches!(open(&key, &envelope), Err(Error::NotAuthentic)));
}

#[test]
fn c_env_2_padding_is_zeros_of_the_needed_length() {
    use chacha20poly1305::{
        KeyInit as _, XChaCha20Poly1305,
        aead::{Aead as _, Payload},
    };
    let key = cases::envelope_key();
    let clear = ClearPart::message(CallId::from_bytes(counting(1)));
    let aad = [b"conclave v1 env".as_slice(), &clear.encode()].concat();
    let sealed = |plain: &[u8]| {
        let nonce = counting::<24>(9);
        let payload = Payload { msg: plain, aad: &aad };
        let ciphertext = XChaCha20Poly1305::new(key.expose().into())
            .encrypt(&nonce.into(), payload)
            .unwrap();
        Envelope {
            clear: clear.clone(),
            sealed: [nonce.as_slice(), &ciphertext].concat(),
        }
    };
    let mut plain = vec![0; 512];
    plain[3] = 2;
    assert!(open(&key, &sealed(&plain)).is_ok(), "the honest control");
    plain[511] = 1;
    assert!(open(&key, &sealed(&plain)).is_err(), "something behind the body");
    let mut long = vec![0; 1024];
    long[3] = 2;
    assert!(open(&key, &sealed(&long)).is_err(), "a larger size than needed");
    long[2] = 9;
    assert!(open(&key, &sealed(&long)).is_err(), "a length beyond the end");
}

#[test]
fn links_survive_every_cut_and_flip() {
    let url = guest_link().to_url("https://meet.example.org");
    let fragment = url.split_once('#').unwrap().1.to_owned();
    for text in mutations(fragment.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
        // A flip may turn a base64 letter into white space at the end, which is trimmed; then what is left was cut.
        match Link::parse(&text) {
            Ok(_) => panic!("a damaged link was accepted"),
            Err(error) => assert!(error != LinkError::OwnerKey),
        }
    }
    for n in 1..fragment.len() {
        assert!(
            matches!(Link::parse(&fragment[..n]), Err(LinkError::Cut | LinkError::Checksum)),
            "cut at {n}"
        );
    }
    let host = new_room().host_credential.to_text();
    for text in mutations(host.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
        assert!(HostCredential::parse(&text).is_err());
    }
    let deed = new_room().deed.to_text();
    for text in mutations(deed.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
        assert!(Deed::parse(&text).is_err());
    }
    let moderator = moderators_key().to_text();
    for text in mutations(moderator.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
        assert!(ModeratorKey::parse(&text).is_err());
    }
}

#[test]
fn c_admit_1_and_2_every_part_of_an_admission_is_bound() {
    let (context, admission, transport) = cases::admission_case();
    let key = AdmissionPk::from_bytes(admission.public());
    let (a, t) = context.sign(&admission, &transport);
    assert!(verify(&context, &key, &a, &t).is_ok());
    let changed = |change: &dyn Fn(&mut conclave_protocol::admission::AdmissionContext)| {
        let mut other = context.clone();
        change(&mut other);
        verify(&other, &key, &a, &t).is_err()
    };
    assert!(changed(&|c| c.server = server("other.example.org")));
    assert!(changed(&|c| c.server_nonce[0] ^= 1));
    assert!(changed(&|c| c.client_nonce[31] ^= 1));
    assert!(changed(
        &|c| c.room_id = conclave_protocol::ids::RoomId::from_bytes(counting(0))
    ));
    assert!(changed(
        &|c| c.transport_pk = conclave_protocol::keys::TransportPk::from_bytes(admission.public())
    ));
    let other_key = AdmissionPk::from_bytes(transport.public());
    assert!(verify(&context, &other_key, &a, &t).is_err(), "C-ADMIT-1: another link");
    assert!(
        verify(&context, &key, &a, &a).is_err(),
        "C-ADMIT-2: somebody else's transport key"
    );
    for bytes in mutations(&a).filter(|b| b.len() == 64) {
        assert!(verify(&context, &key, &bytes.try_into().unwrap(), &t).is_err());
    }
}

#[test]
fn c_sig_1_a_small_order_key_verifies_nothing() {
    // The identity point as a key, with R the identity and s = 0: the cofactorless equation holds for every message.
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    assert!(
        AdmissionPk::from_bytes(identity)
            .verify(b"anything", &signature)
            .is_err()
    );
}

#[test]
fn c_sheet_a_sheet_counts_only_for_its_room_server_and_limits() {
    let room = new_room();
    let keys = LinkKeys::derive(&room.guest_link.link_secret);
    let fp = room.guest_link.room_fp;
    let here = server("localhost:8443");
    let limits = room.record.limits;
    let opened = |fp: &RoomFp, server: &ServerName, limits: &Limits, bytes: &[u8]| {
        sheet::open(&keys, fp, server, limits, bytes).is_ok()
    };
    assert!(opened(&fp, &here, &limits, &room.record.sheet));
    assert!(
        !opened(&RoomFp::from_bytes(counting(0)), &here, &limits, &room.record.sheet),
        "C-SHEET-1"
    );
    assert!(
        !opened(&fp, &server("elsewhere.example"), &limits, &room.record.sheet),
        "C-SHEET-3"
    );
    for more in [
        Limits {
            members: limits.members + 1,
            ..limits
        },
        Limits {
            seats: limits.seats + 1,
            ..limits
        },
        Limits {
            calls: limits.calls + 1,
            ..limits
        },
    ] {
        assert!(!opened(&fp, &here, &more, &room.record.sheet), "C-SHEET-4");
    }
    assert!(
        opened(&fp, &here, &Limits { members: 249, ..limits }, &room.record.sheet),
        "whoever offers less refuses, and the member says so"
    );
    let other = LinkKeys::derive(&LinkSecret::from_bytes(counting(0)));
    assert!(sheet::open(&other, &fp, &here, &limits, &room.record.sheet).is_err());
    // One bit of each byte: all eight would take a minute of signatures and prove no more.
    for at in 0..room.record.sheet.len() {
        let mut bytes = room.record.sheet.clone();
        bytes[at] ^= 1 << (at % 8);
        assert!(!opened(&fp, &here, &limits, &bytes), "C-SHEET-2: a changed byte {at}");
    }
    for n in [0, 1, 63, 64, 100, 4_095] {
        assert!(!opened(&fp, &here, &limits, &room.record.sheet[..n]));
    }
}

#[test]
fn c_sheet_2_only_the_root_or_its_host_signs() {
    let room = new_room();
    let keys = LinkKeys::derive(&room.guest_link.link_secret);
    let here = server("localhost:8443");
    let fp = room.guest_link.room_fp;
    let limits = room.record.limits;
    let root = RootKeys::derive(&room.deed.0);
    let read = || sheet::open(&keys, &fp, &here, &limits, &room.record.sheet).unwrap();
    let opens = |sheet: Sheet, signer: &SheetSigner<'_>| {
        let bytes = sheet.seal(&keys.sheet(), signer, counting(4)).unwrap();
        sheet::open(&keys, &fp, &here, &limits, &bytes).is_ok()
    };
    let host = Signer::from_seed(&counting(0x77));
    let pk = MandatePk::from_bytes(host.public());
    let by_root = |role| Mandate::sign(&root.sign(), fp, role, 1, 1, pk);
    assert!(
        opens(read(), &SheetSigner::Host(&by_root(Role::Host), &host)),
        "a host may"
    );
    assert!(
        !opens(read(), &SheetSigner::Host(&by_root(Role::Moderator), &host)),
        "a moderator may not"
    );
    assert!(
        !opens(read(), &SheetSigner::Host(&by_root(Role::Host), &root.sign())),
        "the mandate's key must sign"
    );
    let self_made = Mandate::sign(&host, fp, Role::Host, 1, 1, pk);
    assert!(
        !opens(read(), &SheetSigner::Host(&self_made, &host)),
        "a mandate by somebody else"
    );
    assert!(
        !opens(read(), &SheetSigner::Root(&host)),
        "a link holder who squats the room"
    );
}

#[test]
fn c_mandate_1_a_root_gives_roles_in_its_own_room_only() {
    let (root, mandate) = cases::mandate();
    let sign = |room| Mandate::sign(&root.sign(), room, mandate.role, 1, 1, mandate.pk);
    assert!(sign(mandate.room_fp).verify(&root.root_pk()).is_ok());
    assert!(sign(RoomFp::from_bytes(counting(0))).verify(&root.root_pk()).is_err());
}

#[test]
fn c_sheet_1_a_link_holder_cannot_put_another_root_under_the_room() {
    use chacha20poly1305::{
        KeyInit as _, XChaCha20Poly1305,
        aead::{Aead as _, Payload},
    };
    // All that the link gives: the sheet key. The sheet is consistent and signed, but by a root of the squatter's own.
    let room = new_room();
    let keys = LinkKeys::derive(&room.guest_link.link_secret);
    let fp = room.guest_link.room_fp;
    let here = server("localhost:8443");
    let forged = |root: &RootKeys| {
        let honest = sheet::open(&keys, &fp, &here, &room.record.limits, &room.record.sheet).unwrap();
        let rules = honest.rules;
        let theirs = Sheet::new("squatted".into(), rules, root.root_pk(), honest.record).unwrap();
        let own = theirs
            .seal(&keys.sheet(), &SheetSigner::Root(&root.sign()), counting(4))
            .unwrap();
        let cipher = XChaCha20Poly1305::new(keys.sheet().expose().into());
        let aad = |fp: &RoomFp| [b"conclave v1 sheet".as_slice(), fp.as_bytes()].concat();
        let nonce = counting::<24>(4);
        let (of_theirs, of_room) = (aad(&RoomFp::of(&root.root_pk())), aad(&fp));
        let opened = cipher
            .decrypt(
                &nonce.into(),
                Payload {
                    msg: &own[24..4_032],
                    aad: &of_theirs,
                },
            )
            .unwrap();
        let resealed = cipher
            .encrypt(
                &nonce.into(),
                Payload {
                    msg: &opened,
                    aad: &of_room,
                },
            )
            .unwrap();
        let sealed = [nonce.as_slice(), &resealed].concat();
        let message = [of_room.as_slice(), b"room", &1_u32.to_be_bytes(), &sealed].concat();
        [sealed.as_slice(), &root.sign().sign(&message)].concat()
    };
    let opens = |bytes: &[u8]| sheet::open(&keys, &fp, &here, &room.record.limits, bytes).is_ok();
    assert!(
        opens(&forged(&RootKeys::derive(&room.deed.0))),
        "the control: made the same way by the real root"
    );
    assert!(!opens(&forged(&RootKeys::derive(&RootSeed::from_bytes(counting(7))))));
}

#[test]
fn c_sheet_3_a_signed_record_of_another_server_does_not_count_here() {
    let room = new_room();
    let keys = LinkKeys::derive(&room.guest_link.link_secret);
    let (fp, limits, here) = (room.guest_link.room_fp, room.record.limits, server("localhost:8443"));
    let root = RootKeys::derive(&room.deed.0);
    let opens = |change: &dyn Fn(&mut Sheet)| {
        let mut sheet = sheet::open(&keys, &fp, &here, &limits, &room.record.sheet).unwrap();
        change(&mut sheet);
        let bytes = sheet
            .seal(&keys.sheet(), &SheetSigner::Root(&root.sign()), counting(4))
            .unwrap();
        sheet::open(&keys, &fp, &here, &limits, &bytes).is_ok()
    };
    assert!(opens(&|_| {}));
    assert!(!opens(&|sheet| sheet.record.server = server("elsewhere.example")));
    assert!(!opens(
        &|sheet| sheet.record.admission_pk = AdmissionPk::from_bytes(counting(0))
    ));
}

#[test]
fn an_inbox_holds_one_message_of_bounded_size() {
    let envelope = vec![7; 3 * CHUNK_DATA];
    let long = ClientMessage::submission([envelope.clone()]).encode();
    let frames = split::<ClientMessage>(long.clone(), 5);
    assert_eq!(frames.len(), 4);
    let mut inbox = Inbox::new();
    let last = frames.len() - 1;
    for (i, frame) in frames.iter().enumerate() {
        assert!(frame.len() <= MAX_FRAME);
        let whole = inbox.accept::<ClientMessage>(frame).unwrap();
        assert_eq!(whole.is_some(), i == last);
        if i < last {
            // Short messages pass between the pieces.
            assert!(
                inbox
                    .accept::<ClientMessage>(&ClientMessage::Ping { n: 1 }.encode())
                    .unwrap()
                    .is_some()
            );
        }
    }
    assert_eq!(inbox.held(), 0);

    let refused = |frames: &[&Vec<u8>]| {
        let mut inbox = Inbox::new();
        let (bad, good) = frames.split_last().unwrap();
        good.iter()
            .for_each(|f| assert!(inbox.accept::<ClientMessage>(f).is_ok_and(|m| m.is_none())));
        inbox.accept::<ClientMessage>(bad).is_err()
    };
    assert!(refused(&[&frames[1]]), "begins in the middle");
    assert!(refused(&[&frames[0], &frames[2]]), "skips a piece");
    assert!(refused(&[&frames[0], &frames[0]]), "repeats a piece");
    let other = split::<ClientMessage>(long, 6);
    assert!(refused(&[&frames[0], &other[1]]), "two messages at once");
    let short = ClientMessage::Chunk {
        id: 1,
        n: 0,
        last: false,
        data: vec![1; 10],
    }
    .encode();
    assert!(refused(&[&short]), "a short piece that is not the last");
    let inner = ClientMessage::Chunk {
        id: 1,
        n: 0,
        last: true,
        data: vec![1],
    }
    .encode();
    let nested = ClientMessage::Chunk {
        id: 1,
        n: 0,
        last: true,
        data: inner,
    }
    .encode();
    assert!(refused(&[&nested]), "pieces of pieces");
    assert!(refused(&[&vec![0; MAX_FRAME + 1]]), "a frame beyond the limit");

    let mut inbox = Inbox::new();
    let full = |n| {
        ClientMessage::Chunk {
            id: 1,
            n,
            last: false,
            data: vec![1; CHUNK_DATA],
        }
        .encode()
    };
    let taken = (0..1_000)
        .take_while(|n| inbox.accept::<ClientMessage>(&full(*n)).is_ok())
        .count();
    assert_eq!(taken, MAX_ASSEMBLED / CHUNK_DATA, "as many as fit, and then an error");
}

#[test]
fn limits_hold() {
    let offer = |n| ClientMessage::Offer { sdp: "a".repeat(n) }.encode();
    assert!(ClientMessage::decode(&offer(49_152)).is_ok());
    assert!(matches!(ClientMessage::decode(&offer(49_153)), Err(Error::TooLarge)));
    let attach = |have_seq| {
        ClientMessage::Attach {
            call_id: CallId::from_bytes([0; 16]),
            have_seq,
        }
        .encode()
    };
    assert!(ClientMessage::decode(&attach((1 << 53) - 1)).is_ok());
    assert!(matches!(ClientMessage::decode(&attach(1 << 53)), Err(Error::TooLarge)));
    let many = |n| ClientMessage::submission(std::iter::repeat_n(vec![0], n)).encode();
    assert!(ClientMessage::decode(&many(5)).is_ok());
    assert!(ClientMessage::decode(&many(6)).is_err());
    let key = cases::envelope_key();
    let clear = || ClearPart::message(CallId::from_bytes(counting(1)));
    let largest = seal(&key, clear(), &vec![1; MAX_BODY], counting(1)).unwrap();
    assert!(Envelope::decode(&largest.encode()).is_ok_and(|e| open(&key, &e).is_ok_and(|b| b.len() == MAX_BODY)));
    assert!(matches!(
        seal(&key, clear(), &vec![1; MAX_BODY + 1], counting(1)),
        Err(Error::TooLarge)
    ));
    let everybody = (0..250_u8)
        .map(|n| TransportId::from_bytes([n; 16]))
        .collect::<Vec<_>>();
    let mut fullest = ClearPart::commit(
        CallId::from_bytes([0; 16]),
        u64::MAX,
        everybody.clone(),
        everybody,
        gate(),
    );
    fullest.gate_signature = Some([0; 64]);
    assert!(ClearPart::decode(&fullest.encode()).is_ok());
}

fn any_server() -> impl Strategy<Value = String> {
    ("[a-z][a-z0-9]{0,10}(\\.[a-z]{2,8}){0,2}", prop::option::of(1_u16..)).prop_map(|(host, port)| match port {
        Some(port) if port != 443 => format!("{host}:{port}"),
        _ => host,
    })
}

proptest! {
    #[test]
    fn any_guest_link_comes_back(
        flags in any::<bool>(), generation: u16, room: [u8; 16], secret: [u8; 32],
        names in prop::collection::btree_set(any_server(), 1..=4),
    ) {
        let link = GuestLink {
            flags: LinkFlags::new(flags),
            generation,
            room_fp: RoomFp::from_bytes(room),
            link_secret: LinkSecret::from_bytes(secret),
            servers: names.iter().map(|n| server(n)).collect(),
        };
        let read = GuestLink::parse(&link.to_url("https://a.example"));
        prop_assert!(read.is_ok_and(|read| read == link));
    }

    #[test]
    fn any_body_is_sealed_and_opened(body in prop::collection::vec(any::<u8>(), 0..5_000), key: [u8; 32], nonce: [u8; 24]) {
        let key = EnvelopeKey::from_bytes(key);
        let envelope = seal(&key, ClearPart::message(CallId::from_bytes([1; 16])), &body, nonce).unwrap();
        prop_assert_eq!(envelope.sealed.len(), padded_len(body.len()).unwrap() + 40);
        prop_assert!(open(&key, &Envelope::decode(&envelope.encode()).unwrap()).unwrap() == body);
    }

    #[test]
    fn any_long_message_is_joined_again(len in 0_usize..200_000, id: u32) {
        let message = ServerMessage::EnvelopeIn { seq: Some(1), envelope: vec![3; len] };
        let mut inbox = Inbox::new();
        let mut joined = Vec::new();
        for frame in split::<ServerMessage>(message.encode(), id) {
            prop_assert!(frame.len() <= MAX_FRAME);
            joined.extend(inbox.accept::<ServerMessage>(&frame).unwrap());
        }
        prop_assert_eq!(joined.len(), 1);
        prop_assert!(joined[0] == message);
    }

    #[test]
    fn arbitrary_bytes_have_one_spelling_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(m) = ClientMessage::decode(&bytes) { prop_assert!(m.encode() == bytes) }
        if let Ok(m) = ServerMessage::decode(&bytes) { prop_assert!(m.encode() == bytes) }
        if let Ok(e) = Envelope::decode(&bytes) { prop_assert!(e.encode() == bytes) }
        if let Ok(c) = ClearPart::decode(&bytes) { prop_assert!(c.encode() == bytes) }
        prop_assert!(RoomRecord::decode(&bytes).is_err());
    }

    #[test]
    fn arbitrary_text_is_no_link(text in "\\PC{0,80}") {
        prop_assert!(Link::parse(&text).is_err());
        prop_assert!(HostCredential::parse(&text).is_err());
        prop_assert!(ModeratorKey::parse(&text).is_err());
    }

    #[test]
    fn a_server_name_stays_what_it_is(text in "[a-zA-Z0-9.:\\[\\]-]{0,40}") {
        if let Ok(name) = ServerName::parse(&text) {
            prop_assert!(ServerName::parse(name.as_str()).is_ok_and(|again| again == name));
            prop_assert!(ServerName::parse_exact(name.as_str().as_bytes()).is_ok());
        }
    }
}
