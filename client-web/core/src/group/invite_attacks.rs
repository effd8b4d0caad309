//! One attack for each rule about personal invites and about appointments that pass on; see [`super::checks`] and [`super::role_attacks`].

use conclave_protocol::credential::Role;
use conclave_protocol::ids::CallId;
use conclave_protocol::invite::{Invite, InviteLink};
use conclave_protocol::keys::{InviteSeed, LinkSecret, RootKeys};
use conclave_protocol::link::{GuestLink, LinkFlags};
use conclave_protocol::server_name::ServerName;
use conclave_protocol::sheet::Rules;

use super::attacks::{forged_with, ids, leaf_of, package, taken};
use super::checks::off::{stopped_by, stopped_by_one_of};
use super::role_attacks::{host, is_taken, joins, let_in, read, ring, rules_are, stranger, two};
use super::tests::{TODAY, binding, call, identity, mandated, plan, root, with_role};
use super::*;
use conclave_protocol::keys::Signer;
use conclave_protocol::sheet::Found;

const SERIAL: u32 = 0x00C0_FFEE;

/// By somebody with this role, until this day, for this generation.
fn invite_by(by: Role, serial: u32, not_after_day: u16, generation: u16) -> Invite {
    invite_of(with_role(identity(1), by, 1), serial, not_after_day, generation)
}

/// By somebody with a mandate.
fn invite_of(mandated: Identity, serial: u32, not_after_day: u16, generation: u16) -> Invite {
    let role = mandated.role.unwrap();
    let guest = GuestLink {
        flags: LinkFlags::default(),
        generation,
        room_fp: role.mandate.room_fp,
        link_secret: LinkSecret::from_bytes([1; 32]),
        servers: vec![ServerName::parse("localhost:8443").unwrap()],
    };
    let key = Signer::from_seed(role.seed.expose());
    let seed = InviteSeed::from_bytes([serial as u8; 32]);
    InviteLink::grant(&guest, &role.mandate, &key, serial, not_after_day, seed).invite
}

/// By whoever signs mandates of this room with the key of another, by one whose mandate is over, and by one whose mandate no sheet ever accepted.
fn nobodys() -> [Invite; 3] {
    let by = |root: &RootKeys, serial, day| {
        let host = mandated(identity(1), root, Role::Host, serial, day);
        invite_of(host, SERIAL, TODAY, 0)
    };
    [
        by(&stranger(), 1, 20_100),
        by(&root(), 1, TODAY - 1),
        by(&root(), 0, 20_100),
    ]
}

pub(super) fn good() -> Invite {
    invite_by(Role::Host, SERIAL, TODAY, 0)
}

/// A leaf that shows this invite.
pub(super) fn invited(n: u8, invite: &Invite) -> Identity {
    let mut identity = identity(n);
    identity.data.invite = Some(invite.prove(&call(), &identity.name()));
    identity
}

/// The attacker, a guest in a hosted call with a lobby, adds this leaf.
fn is_added(ghost: &Identity) -> bool {
    let (mut a, mut mallory) = two(true, identity(2));
    is_taken((&mut a, &mut mallory), vec![package(ghost)], &[], &[], None)
}

fn change(a: &mut Group, mallory: &mut Group, change: impl FnOnce(&mut conclave_protocol::rules::CallRules)) {
    let next = a.change_rules(&a.data().unwrap(), change);
    rules_are(a, mallory, next);
}

#[test]
fn whoever_was_invited_comes_in_without_asking_where_the_rules_say_so() {
    assert!(is_added(&invited(9, &good())));
    assert!(!is_added(&identity(9)), "the lobby is open to all");
    for locked in [false, true] {
        let (mut a, mut mallory) = two(true, identity(2));
        change(&mut a, &mut mallory, |rules| {
            (rules.invited_enter, rules.locked) = (locked, locked);
        });
        let ghost = package(&invited(9, &good()));
        assert!(!is_taken((&mut a, &mut mallory), vec![ghost], &[], &[], None));
    }
}

#[test]
fn mem_070_an_invite_counts_only_as_the_host_gave_it() {
    let mine = invited(9, &good());
    assert!(is_added(&mine));
    let mut copied = identity(8);
    copied.data.invite = mine.data.invite.clone();
    let mut elsewhere = identity(9);
    elsewhere.data.invite = Some(good().prove(&CallId::from_bytes([1; 16]), &elsewhere.name()));
    for ghost in [
        copied,
        elsewhere,
        invited(9, &invite_by(Role::Host, SERIAL, TODAY - 1, 0)),
        invited(9, &invite_by(Role::Host, SERIAL, TODAY, 1)),
        invited(9, &invite_by(Role::Moderator, SERIAL, TODAY, 0)),
    ] {
        stopped_by(PolicyFault::InviteProof, || is_added(&ghost));
    }
    for invite in nobodys() {
        stopped_by(PolicyFault::InviteProof, || is_added(&invited(9, &invite)));
    }
}

#[test]
fn mem_071_an_invite_that_was_taken_back_opens_nothing() {
    stopped_by(PolicyFault::InviteRevoked, || {
        let (mut a, mut mallory) = two(true, identity(2));
        change(&mut a, &mut mallory, |rules| rules.revoke_invite(SERIAL));
        let ghost = package(&invited(9, &good()));
        is_taken((&mut a, &mut mallory), vec![ghost], &[], &[], None)
    });
    // By the room's sheet.
    stopped_by(PolicyFault::InviteRevoked, || {
        let (mut a, mut mallory) = two(true, identity(2));
        let mut sheet = a.keyring.room.sheet.clone().unwrap();
        (sheet.seq, sheet.revoked_invites) = (2, vec![SERIAL]);
        let next = a.change_data(&a.data().unwrap(), None, Some(&sheet), |_| {});
        rules_are(&mut a, &mut mallory, next);
        let ghost = package(&invited(9, &good()));
        is_taken((&mut a, &mut mallory), vec![ghost], &[], &[], None)
    });
}

#[test]
fn mem_072_two_leaves_do_not_share_an_invite() {
    stopped_by(PolicyFault::InviteTaken, || {
        let (mut a, mut mallory) = two(true, identity(2));
        drop(let_in(&mut a, &mut [&mut mallory], with_invite(3, good())));
        let ghost = package(&invited(9, &good()));
        is_taken((&mut a, &mut mallory), vec![ghost], &[], &[], None)
    });
    stopped_by_one_of(PolicyFault::InviteTaken, &[], || {
        let (mut a, mut mallory) = two(true, identity(2));
        let both = vec![package(&invited(8, &good())), package(&invited(9, &good()))];
        is_taken((&mut a, &mut mallory), both, &[], &[], None)
    });
}

fn with_invite(n: u8, invite: Invite) -> Identity {
    Identity {
        invite: Some(invite),
        ..identity(n)
    }
}

#[test]
fn an_invited_member_who_comes_back_keeps_the_seat_though_the_day_is_over() {
    let (mut a, mut mallory) = two(true, identity(2));
    drop(let_in(&mut a, &mut [&mut mallory], with_invite(3, good())));
    let mut next = a
        .data()
        .unwrap()
        .changed(&a.identity, |next| next.authority.day = TODAY + 1);
    next.sign(&a.identity.key);
    rules_are(&mut a, &mut mallory, next);
    let heir = |n: u8| {
        let mut heir = identity(3);
        heir.key = LeafKey::from_seed(&[n; 32]);
        heir.data.resume = Some(prove_resume(&identity(3).key, &call(), &ids(3).0, &heir.key.public()));
        heir.data.invite = Some(good().prove(&call(), &heir.name()));
        heir
    };
    let (seq, old) = (a.epoch(), leaf_of(&a, 3));
    let drop = [ids(3).1];
    let commit = forged_with(&mut mallory, seq, &drop, (vec![package(&heir(77))], &[old]), &[], None);
    assert!(taken(&mut a, &commit, seq, &drop));
    let leaf = a.leaves().into_iter().find(|l| l.data.member_id == ids(3).0).unwrap();
    assert_eq!(seat(&leaf.data), Some((0, SERIAL)));
}

#[test]
fn mem_073_an_invite_in_a_joined_tree_is_a_hosts_and_its_leafs() {
    let founds_with = |forge: fn(&mut LeafData)| {
        let mut founder = with_role(identity(1), Role::Host, 1);
        founder.invite = Some(good());
        joins_with(founder, forge)
    };
    assert!(founds_with(|_| {}));
    for forge in [
        (|data| data.invite = invited(8, &good()).data.invite) as fn(&mut LeafData),
        |data| {
            let mut key = identity(1);
            key.data.invite = Some(invite_by(Role::Moderator, SERIAL, TODAY, 0).prove(&call(), &key.name()));
            data.invite = key.data.invite;
        },
        |data| {
            let key = identity(1);
            data.invite = Some(invite_by(Role::Host, SERIAL, TODAY, 7).prove(&call(), &key.name()));
        },
        |data| {
            let elsewhere = CallId::from_bytes([8; 16]);
            data.invite = Some(good().prove(&elsewhere, &identity(1).name()));
        },
        |data| data.invite = Some(nobodys()[0].prove(&call(), &identity(1).name())),
    ] {
        stopped_by(PolicyFault::WelcomeInvite, || founds_with(forge));
    }
}

/// An evil founder's group whose own leaf was tampered with, as its first newcomer sees it.
fn joins_with(mut founder: Identity, forge: fn(&mut LeafData)) -> bool {
    let ring_of = || ring(Found::Host, true);
    let founders = ring_of();
    founder.prove(&founders.room, call());
    forge(&mut founder.data);
    let data = GroupData::founded(&founders.room, founders.room.sheet.as_ref().unwrap(), call(), &founder);
    let mut group = founders.found_with(founder, call(), &data).unwrap();
    let (victims, mut victim) = (ring_of(), identity(3));
    let bytes = victims.key_package(&mut victim, call()).unwrap();
    let package = victims.read_key_package(&bytes).unwrap().0;
    let welcome = group.build_with(vec![package], &[], true, None).unwrap().1.unwrap();
    victims.join(victim, call(), &welcome).is_ok()
}

#[test]
fn mem_074_an_invite_stands_in_a_joined_tree_once() {
    assert!(joins(|| ring(Found::Host, true), host(), |_, _| {}));
    stopped_by(PolicyFault::WelcomeInviteTwice, || {
        // The founder has the invite, too, and its own client lets the second one in.
        let mut founder = host();
        founder.invite = Some(good());
        let mut group = ring(Found::Host, true).found(founder, call()).unwrap();
        let (victims, mut victim) = (ring(Found::Host, true), with_invite(3, good()));
        let bytes = victims.key_package(&mut victim, call()).unwrap();
        let package = victims.read_key_package(&bytes).unwrap().0;
        let welcome = group.build_with(vec![package], &[], true, None).unwrap().1.unwrap();
        victims.join(victim, call(), &welcome).is_ok()
    });
}

#[test]
fn an_appointed_moderator_who_comes_back_still_moderates_and_writes_it_into_the_rules() {
    let (mut a, mut moderator) = two(true, identity(2));
    let name = moderator.identity.name();
    let appointment = a.appoint(name).unwrap();
    change(&mut a, &mut moderator, |rules| rules.appointments = vec![appointment]);
    let mut heir = identity(2);
    heir.key = LeafKey::from_seed(&[77; 32]);
    heir.data.resume = Some(prove_resume(&identity(2).key, &call(), &ids(2).0, &heir.key.public()));
    let victims = ring(Found::Host, true);
    let bytes = victims.key_package(&mut heir, call()).unwrap();
    let package = victims.read_key_package(&bytes).unwrap().0;
    let (seq, old) = (a.epoch(), leaf_of(&a, 2));
    let own = a.commit(plan(vec![package], vec![old]), seq, [9; 24]).unwrap();
    a.merge_own().unwrap();
    let mut back = victims
        .join(heir, call(), &own.welcome.unwrap())
        .map_err(|b| b.2)
        .unwrap();
    let is_moderator = |g: &Group| g.roles().contains(&(ids(2).0, Role::Moderator));
    assert!(is_moderator(&a) && is_moderator(&back) && back.inherits());
    // What they then sign speaks for itself, to newcomers too.
    let data = back.data().unwrap();
    let next = back.change_rules(&data, |rules| back.inherit(rules));
    let plan = Plan {
        rules: Some(next),
        ..Plan::default()
    };
    let seq = a.epoch();
    let own = back.commit(plan, seq, [9; 24]).unwrap();
    read(&own, &mut a, seq);
    back.merge_own().unwrap();
    assert!(is_moderator(&a) && !back.inherits());
    assert!(a.data().unwrap().rules.appoints(&back.identity.name()));
    assert!(
        a.data()
            .unwrap()
            .check(
                &binding(Rules {
                    found: Found::Host,
                    lobby: true
                }),
                call().as_bytes()
            )
            .is_ok()
    );
}
