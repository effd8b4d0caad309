//! Sheets and mandates count only when the room's root, or its host, signed them for this room, server and limits.

use conclave_protocol::{
    credential::{Mandate, Role},
    ids::RoomFp,
    keys::{AdmissionPk, LinkKeys, LinkSecret, MandatePk, RootKeys, RootSeed, Signer},
    link::ServerName,
    room::Limits,
    sheet::{self, Sheet, SheetSigner},
};

use super::cases::{self, counting, rooms::new_room, server};

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
fn c_mandate_1_a_root_gives_roles_in_its_own_room_only() {
    let (root, mandate) = cases::rooms::mandate();
    let sign = |room| Mandate::sign(&root.sign(), room, mandate.role, 1, 1, mandate.pk);
    assert!(sign(mandate.room_fp).verify(&root.root_pk()).is_ok());
    assert!(sign(RoomFp::from_bytes(counting(0))).verify(&root.root_pk()).is_err());
}
