//! One attack for each rule about changes of a call's rules, and about how rules are written; see [`super::checks`] and [`super::role_attacks`], which
//! has the groups.

use conclave_protocol::credential::Role;
use conclave_protocol::ids::{CallId, MemberId, RoomFp};
use conclave_protocol::limits::{MAX_APPOINTMENTS, MAX_MEMBERS, MAX_REVOKED, MAX_REVOKED_INVITES};
use conclave_protocol::manage::Replacement;
use conclave_protocol::role::{Appointment, LeafName};
use conclave_protocol::rules::Mute;
use conclave_protocol::sheet::Found;
use openmls::prelude::ExternalSender;

use super::attacks::{ids, raw, taken};
use super::checks::off::{stopped_by, stopped_by_one_of};
use super::relink::tests::replacement;
use super::role_attacks::{
    appointments, host, is_taken, joins, moderator, read, ring, rules_are_taken, stranger, three, two,
};
use super::tests::{call, identity, with_role};
use super::*;

/// These rules, committed by `a` and read by `b`.
fn come_into_force(next: GroupData, a: &mut Group, b: &mut Group) {
    let plan = Plan {
        rules: Some(next),
        ..Plan::default()
    };
    let own = a.commit(plan, 1, [9; 24]).unwrap();
    read(&own, b, 1);
    a.merge_own().unwrap();
}

#[test]
fn mem_033_a_change_of_the_rules_stays_in_its_room_and_call() {
    stopped_by(PolicyFault::RulesOfAnother, || {
        rules_are_taken(with_role(identity(2), Role::Host, 2), |_, mallory, next| {
            next.authority.sheet_seq = 0;
            next.sign(&mallory.identity.key);
        })
    });
    stopped_by(PolicyFault::RulesOfAnother, || {
        rules_are_taken(with_role(identity(2), Role::Host, 2), |_, mallory, next| {
            next.room_fp = RoomFp::from_bytes([8; 16]);
            next.sign(&mallory.identity.key);
        })
    });
    // With another root or call the signer's proof does not fit any more, either.
    for change in [
        (|next| next.authority.root_pk = stranger().root_pk()) as fn(&mut GroupData),
        |next| next.call_id = CallId::from_bytes([8; 16]),
    ] {
        stopped_by_one_of(PolicyFault::RulesOfAnother, &[PolicyFault::RulesSigner], || {
            rules_are_taken(with_role(identity(2), Role::Host, 2), |_, mallory, next| {
                change(next);
                next.sign(&mallory.identity.key);
            })
        });
    }
}

#[test]
fn mem_034_a_change_of_the_rules_is_the_next() {
    for seq in [0, 2] {
        stopped_by(PolicyFault::RulesSequence, || {
            rules_are_taken(with_role(identity(2), Role::Host, 2), |_, mallory, next| {
                next.seq = seq;
                next.sign(&mallory.identity.key);
            })
        });
    }
}

#[test]
fn mem_035_a_change_of_the_rules_is_signed_by_whom_it_names() {
    stopped_by(PolicyFault::RulesSignature, || {
        rules_are_taken(identity(2), |a, mallory, next| {
            next.rules.lobby = false;
            next.signer = a.identity.name();
            next.proof.clone_from(&a.data().unwrap().proof);
            next.sign(&mallory.identity.key);
        })
    });
}

#[test]
fn mem_036_guests_change_no_rules() {
    let open_up = |_: &Group, mallory: &Group, next: &mut GroupData| {
        next.rules.lobby = false;
        next.sign(&mallory.identity.key);
    };
    assert!(rules_are_taken(moderator(), open_up));
    stopped_by(PolicyFault::RulesSigner, || rules_are_taken(identity(2), open_up));
    // By a host who is not in the call (any more), though the proof is good.
    stopped_by(PolicyFault::RulesSigner, || {
        rules_are_taken(identity(2), |a, _, next| {
            let mut absent = with_role(identity(9), Role::Host, 9);
            absent.prove(&a.keyring.room, call());
            *next = a.data().unwrap().changed(&absent, |next| next.rules.lobby = false);
        })
    });
    // By whoever becomes what they need to be with it: a host's word that is not in force yet.
    stopped_by(PolicyFault::RulesSigner, || {
        rules_are_taken(identity(2), |a, mallory, next| {
            next.rules.appointments = vec![a.appoint(mallory.identity.name()).unwrap()];
            next.sign(&mallory.identity.key);
        })
    });
    // By a moderator who keeps the proof back: a newcomer could not tell who said it.
    stopped_by(PolicyFault::RulesSigner, || {
        rules_are_taken(moderator(), |_, mallory, next| {
            next.proof = None;
            next.sign(&mallory.identity.key);
        })
    });
}

/// Spellings of rules that no member of ours writes.
const MISSPELT: [fn(&mut GroupData); 12] = [
    |d| d.rules.bars = vec![ids(9).0, ids(8).0],
    |d| d.rules.bars = many(MAX_MEMBERS).map(MemberId::from_bytes).collect(),
    |d| d.rules.guests = 1 << 7,
    |d| d.rules.mutes = vec![mute(9, 1), mute(8, 1)],
    |d| d.rules.mutes = vec![mute(9, 0)],
    |d| d.rules.mutes = vec![mute(9, 1 << 7)],
    |d| {
        let all = many(MAX_MEMBERS).map(MemberId::from_bytes);
        d.rules.mutes = all.map(|member| Mute { member, kinds: 1 }).collect();
    },
    |d| d.rules.revoked_invites = vec![7, 7],
    |d| d.rules.revoked_invites = (0..=MAX_REVOKED_INVITES as u32).collect(),
    |d| d.authority.revoked = vec![8, 7],
    // Not the host's own.
    |d| d.authority.revoked = (100..=100 + MAX_REVOKED as u32).collect(),
    |d| d.authority.revoked_invites = vec![8, 7],
];

/// One more than so many ids, ascending.
fn many(most: u16) -> impl Iterator<Item = [u8; 16]> {
    (0..=u128::from(most)).map(u128::to_be_bytes)
}

fn mute(n: u8, kinds: u8) -> Mute {
    let member = ids(n).0;
    Mute { member, kinds }
}

/// A host's words for leaves that nobody has: in the wrong order, and one more than are listed.
fn too_many_appointments(host: &Identity) -> [Vec<Appointment>; 2] {
    let proof = host.data.proof.as_ref().unwrap();
    let room = ring(Found::Host, true).room.room_fp;
    let appoint = |member| {
        let leaf = LeafName { member, key: [7; 32] };
        let message = Appointment::signed_bytes(&room, &call(), &leaf, &host.name());
        Appointment::new(leaf, host.name(), proof, host.key.sign_labelled(&message))
    };
    let ids = || many(MAX_APPOINTMENTS as u16).map(MemberId::from_bytes);
    [
        ids()
            .take(2)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .map(appoint)
            .collect(),
        ids().map(appoint).collect(),
    ]
}

#[test]
fn mem_060_rules_are_written_in_one_way_within_limits() {
    for misspell in MISSPELT {
        stopped_by(PolicyFault::RulesForm, || {
            rules_are_taken(with_role(identity(2), Role::Host, 2), |_, mallory, next| {
                misspell(next);
                next.sign(&mallory.identity.key);
            })
        });
        // Nor does a host of ours make such a commit, which would leave it alone in an epoch.
        let (mut a, _) = two(true, identity(2));
        let next = a.data().unwrap().changed(&a.identity, misspell);
        let plan = Plan {
            rules: Some(next),
            ..Plan::default()
        };
        assert!(a.commit(plan, 1, [9; 24]).is_err());
    }
    for n in 0..2 {
        stopped_by(PolicyFault::RulesForm, || {
            rules_are_taken(with_role(identity(2), Role::Host, 2), |_, mallory, next| {
                next.rules.appointments = too_many_appointments(&mallory.identity)[n].clone();
                next.sign(&mallory.identity.key);
            })
        });
    }
    // What does not even decode, and what is not there any more.
    for bytes in [Some(b"rules".to_vec()), None] {
        stopped_by(PolicyFault::RulesForm, || {
            let (mut a, mut mallory) = two(true, with_role(identity(2), Role::Host, 2));
            let ours = bytes
                .clone()
                .map(|b| Extension::Unknown(GROUP_EXTENSION, UnknownExtension(b)));
            let commit = raw(&mut mallory, 1, |builder| {
                let context = context_of(&our_extensions(), ours);
                builder.propose_group_context_extensions(context).unwrap()
            });
            taken(&mut a, &commit, 1, &[])
        });
    }
}

/// A group's context that demands support of these extensions, with this one in it.
fn context_of(
    required: &[ExtensionType],
    more: impl IntoIterator<Item = Extension>,
) -> Extensions<openmls::prelude::GroupContext> {
    let required = RequiredCapabilitiesExtension::new(required, &[], &[CredentialType::Basic]);
    let all = [Extension::RequiredCapabilities(required)].into_iter().chain(more);
    Extensions::from_vec(all.collect()).unwrap()
}

#[test]
fn mem_061_the_rules_of_a_joined_group_are_written_so() {
    let closed = || ring(Found::Host, true);
    // Misspelt lists of the authority are also not those of the sheet.
    let others = [PolicyFault::SheetOfGroup];
    for misspell in &MISSPELT {
        stopped_by_one_of(PolicyFault::WelcomeRules, &others, || {
            joins(closed, host(), |_, data| misspell(data))
        });
    }
    for n in 0..2 {
        stopped_by(PolicyFault::WelcomeRules, || {
            joins(closed, host(), |founder, data| {
                data.rules.appointments = too_many_appointments(founder)[n].clone();
            })
        });
    }
    // Nor does a record for the server stand there that is none.
    let brings = |change: fn(&mut Replacement)| {
        joins(closed, host(), |_, data| {
            let mut made = replacement();
            change(&mut made);
            data.replacement = Some(made);
        })
    };
    assert!(brings(|_| {}));
    stopped_by(PolicyFault::WelcomeRules, || brings(|made| made.record.sheet.push(0)));
}

#[test]
fn mem_037_appointments_in_new_rules_are_hosts() {
    let appoint = |choose: &dyn Fn((Appointment, Vec<Appointment>)) -> Appointment| {
        rules_are_taken(with_role(identity(2), Role::Host, 2), |_, mallory, next| {
            next.rules.appointments = vec![choose(appointments(&mallory.identity))];
            next.sign(&mallory.identity.key);
        })
    };
    assert!(appoint(&|(good, _)| good));
    for n in 0..5 {
        stopped_by(PolicyFault::Appointment, || appoint(&|(_, mut bad)| bad.swap_remove(n)));
    }
}

#[test]
fn mem_038_hosts_alone_end_appoint_and_judge_their_like() {
    let host_id = ids(1).0;
    for change in [
        (|d, _| d.rules.ended = true) as fn(&mut GroupData, MemberId),
        |d, host| assert!(d.rules.mute(host, 1, true, |_| true)),
        |d, host| assert!(d.rules.bar(host)),
        |d, _| d.authority.day += 1,
        |d, _| d.relink(&NewLink::bare(7)),
    ] {
        stopped_by(PolicyFault::HostsAlone, || {
            rules_are_taken(moderator(), |_, mallory, next| {
                change(next, host_id);
                next.sign(&mallory.identity.key);
            })
        });
    }
    // Nor does one moderator judge another, as they may guests.
    let judges = |third: Identity, change: fn(&mut GroupData, MemberId)| {
        let (mut a, mut mallory) = three(moderator(), third);
        let next = a
            .data()
            .unwrap()
            .changed(&mallory.identity, |next| change(next, ids(3).0));
        is_taken((&mut a, &mut mallory), Vec::new(), &[], &[], Some(&next))
    };
    for change in [
        (|d, id| assert!(d.rules.mute(id, 1, true, |_| true))) as fn(&mut GroupData, MemberId),
        |d, id| assert!(d.rules.bar(id)),
    ] {
        assert!(judges(identity(3), change));
        stopped_by(PolicyFault::HostsAlone, || {
            judges(with_role(identity(3), Role::Moderator, 3), change)
        });
    }
    // Nor do they dismiss or appoint, not even by the word of a host that was taken back.
    let appointed = |before: bool, after: bool| {
        let (mut a, mut mallory) = two(true, moderator());
        let word = a.appoint(identity(3).name()).unwrap();
        let next = a.change_rules(&a.data().unwrap(), |rules| {
            rules.locked = true;
            rules.appointments.extend(before.then(|| word.clone()));
        });
        come_into_force(next, &mut a, &mut mallory);
        let changed = |d: &mut GroupData| {
            d.rules.locked = false;
            d.rules.appointments = after.then(|| word.clone()).into_iter().collect();
        };
        let next = a.data().unwrap().changed(&mallory.identity, changed);
        is_taken((&mut a, &mut mallory), Vec::new(), &[], &[], Some(&next))
    };
    assert!(appointed(true, true) && appointed(false, false));
    stopped_by(PolicyFault::HostsAlone, || appointed(true, false));
    stopped_by(PolicyFault::HostsAlone, || appointed(false, true));
    stopped_by(PolicyFault::HostsAlone, || {
        let (mut a, mut mallory) = two(true, moderator());
        let next = a.change_rules(&a.data().unwrap(), |rules| rules.revoke_invite(5));
        come_into_force(next, &mut a, &mut mallory);
        let changed = |d: &mut GroupData| d.rules.revoked_invites.clear();
        let next = a.data().unwrap().changed(&mallory.identity, changed);
        is_taken((&mut a, &mut mallory), Vec::new(), &[], &[], Some(&next))
    });
}

#[test]
fn mem_039_nothing_else_of_the_context_changes() {
    let context_is_taken = |required: &[ExtensionType], more: Option<Extension>| {
        let (mut a, mut mallory) = two(true, moderator());
        let next = a
            .data()
            .unwrap()
            .changed(&mallory.identity, |next| next.rules.locked = true);
        let ours = Extension::Unknown(GROUP_EXTENSION, UnknownExtension(next.to_bytes()));
        let commit = raw(&mut mallory, 1, |builder| {
            let context = context_of(required, more.into_iter().chain([ours]));
            builder.propose_group_context_extensions(context).unwrap()
        });
        taken(&mut a, &commit, 1, &[])
    };
    let required = our_extensions();
    assert!(context_is_taken(&required, None));
    stopped_by(PolicyFault::ContextExtension, || context_is_taken(&required[..1], None));
    // Nobody outside is given a say: whoever stands there may propose, and is no member.
    stopped_by(PolicyFault::ContextExtension, || {
        let CredentialWithKey {
            credential,
            signature_key,
        } = credential(&identity(9));
        let senders = vec![ExternalSender::new(signature_key, credential)];
        context_is_taken(&required, Some(Extension::ExternalSenders(senders)))
    });
}
