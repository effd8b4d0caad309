//! Members who are evil themselves, in a small world: our own member with its own checks left out.
//!
//! Each test is named after the attack of `docs/threat-model.md`; the rules one by one have their attacks in `crate::group`.

use conclave_protocol::envelope::{ClearPart, seal};
use conclave_protocol::gate::sign_commit;
use conclave_protocol::ids::{CallId, MemberId, TransportId};
use conclave_protocol::keys::{GatePk, Signer};
use conclave_protocol::message::ClientMessage;
use conclave_protocol::order::{Decision, Order};
use conclave_protocol::rules::CallRules;

use super::inside::Inside;
use super::knock;
use super::shared::Shared;
use super::words::Words;
use super::{Member, Stage};
use crate::group::{Group, Identity, LeafData, LeafKey, attacks};
use crate::io::{Input, State};
use crate::limits::KNOCK_KEPT_MS;
use crate::world::World;

fn chat(text: &str) -> Words {
    Words::Chat {
        text: text.into(),
        number: [1; 8],
    }
}

impl Member {
    fn parts(&mut self) -> (&mut Inside, &mut Shared) {
        match &mut self.stage {
            Stage::Inside(inside) => (inside, &mut self.shared),
            _ => panic!("not in a call"),
        }
    }

    fn group(&mut self) -> &mut Group {
        &mut self.parts().0.group
    }

    /// Says anything at all to the group.
    fn say_anything(&mut self, words: &Words) {
        let (inside, s) = self.parts();
        inside.say(words, s).unwrap();
    }

    /// Submits anything at all as a commit at the present sequence.
    fn submit_anything(&mut self, body: &[u8], drop: Vec<TransportId>) {
        let (inside, s) = self.parts();
        // The gate that follows is made up: these commits are void for more than that, and the server cannot tell.
        let next = GatePk::from_bytes(Signer::from_seed(&s.random.bytes()).public());
        let clear = ClearPart::commit(inside.call, inside.log.have_seq, drop, Vec::new(), next);
        let mut envelope = seal(&s.envelope_key, clear, body, s.random.bytes()).unwrap();
        sign_commit(&mut envelope, &inside.group.gate().unwrap());
        s.send(&ClientMessage::submission([envelope.encode()]));
    }

    fn seq(&mut self) -> u64 {
        self.parts().0.log.have_seq
    }

    fn name_oneself(&mut self, name: &str) {
        match &mut self.stage {
            Stage::Outside(newcomer) => newcomer.rename(name),
            _ => panic!("in already"),
        }
    }
}

/// Makes a commit in the attacker's group, against somebody, at a sequence; with the drop list that the server is shown.
type Forge = fn(&mut Group, MemberId, u64) -> (Vec<u8>, Vec<TransportId>);

/// A host, a guest and the attacker; and somebody who asks to come in.
fn hosted(seed: u64) -> (World, Vec<usize>, usize) {
    let mut world = World::with_a_host(seed);
    let mut tabs = vec![world.join_as_host("Hope")];
    world.until("the host is in", 5_000, |w| w.tabs[0].state == State::InCall);
    for name in ["Grace", "Mallory"] {
        tabs.push(world.join(name));
        world.until("asks", 5_000, |w| w.tabs[0].lobby.len() == 1);
        world.give(0, Input::AdmitAll);
        let so_far = tabs.clone();
        world.until("in", 5_000, |w| w.together(&so_far));
    }
    let asks = world.join("Eve");
    world.until("asks", 5_000, |w| w.tabs[0].lobby.len() == 1);
    world.run(2_000);
    (world, tabs, asks)
}

fn id(world: &World, name: &str) -> MemberId {
    world.tabs[0].sees(name).unwrap().member_id
}

/// Nobody came, went or was bent, and the call goes on: the host can still let somebody in.
fn nothing_happened(mut world: World, tabs: &[usize], asks: usize, epoch: Option<u64>) {
    world.until("they are together", 10_000, |w| w.together(tabs));
    assert_eq!(world.tabs[0].epoch(), epoch, "a void commit made an epoch");
    assert!(world.tabs[asks].keys.is_empty());
    assert!(tabs.iter().all(|t| world.tabs[*t].departed.is_empty()));
    let rules = world.tabs[1].rules.unwrap();
    assert!(rules.lobby && !rules.locked && rules.host_present && rules.muted == world.tabs[2].rules.unwrap().muted);
    world.give(0, Input::AdmitAll);
    let all: Vec<usize> = tabs.iter().copied().chain([asks]).collect();
    world.until("the host lets them in", 10_000, |w| w.together(&all));
}

#[test]
fn b3_an_evil_members_commits_are_void_for_all_and_the_group_lives() {
    for seed in 1..=2 {
        let (mut world, tabs, asks) = hosted(seed);
        let epoch = world.tabs[0].epoch();
        let host = id(&world, "Hope");
        let mallory = tabs[2];
        let forge: [Forge; 6] = [
            // Of another sequence; cut short; with one bit turned.
            |g, _, seq| (attacks::raw(g, seq + 1, |b| b), Vec::new()),
            |g, _, seq| {
                let mut commit = attacks::raw(g, seq, |b| b);
                commit.truncate(commit.len() / 2);
                (commit, Vec::new())
            },
            |g, _, seq| {
                let mut commit = attacks::raw(g, seq, |b| b);
                let middle = commit.len() / 2;
                commit[middle] ^= 1;
                (commit, Vec::new())
            },
            // The host is silent, says Mallory alone; the server is not even told whom to cut off.
            |g, host, seq| {
                let leaf = g.leaves().into_iter().find(|l| l.data.member_id == host).unwrap();
                let order = g.order(Decision::Silent { leaf: leaf.name() });
                let drop = vec![leaf.data.transport_id];
                (
                    attacks::forged_with(g, seq, &drop, (Vec::new(), &[leaf.index]), &[order], None),
                    Vec::new(),
                )
            },
            // Somebody whom nobody let in.
            |g, _, seq| {
                let ghost = attacks::ghost();
                (
                    attacks::forged_with(g, seq, &[], (vec![ghost], &[]), &[], None),
                    Vec::new(),
                )
            },
            // No lobby any more.
            |g, _, seq| {
                let data = g.data().unwrap();
                let next = g.change_rules(&data, |rules: &mut CallRules| rules.lobby = false);
                (
                    attacks::forged_with(g, seq, &[], (Vec::new(), &[]), &[], Some(&next)),
                    Vec::new(),
                )
            },
        ];
        for forge in forge {
            let seq = world.tabs[mallory].member.seq();
            let (body, drop) = forge(world.tabs[mallory].member.group(), host, seq);
            world.tabs[mallory].member.group().discard_own().unwrap();
            world.tabs[mallory].member.submit_anything(&body, drop);
            world.give(mallory, Input::Tick);
            world.run(2_000);
            assert!(
                world.tabs[0].member.seq() > seq,
                "the server did not take it: nothing was tested"
            );
        }
        nothing_happened(world, &tabs, asks, epoch);
    }
}

#[test]
fn a6_an_external_commit_with_a_members_help_is_void_for_all() {
    let (mut world, tabs, asks) = hosted(3);
    let epoch = world.tabs[0].epoch();
    let seq = world.tabs[2].member.seq();
    let commit = attacks::external_commit(world.tabs[2].member.group(), seq);
    world.tabs[2].member.submit_anything(&commit, Vec::new());
    world.give(2, Input::Tick);
    world.run(3_000);
    assert!(
        world.tabs[0].member.seq() > seq,
        "the server did not take it: nothing was tested"
    );
    nothing_happened(world, &tabs, asks, epoch);
}

#[test]
fn b8_a_guest_forges_no_decision_of_hosts_and_moderators() {
    let (mut world, tabs, asks) = hosted(4);
    let epoch = world.tabs[0].epoch();
    let package = world.tabs[2].member.parts().0.lobby.waiting[0].reference;
    let names: Vec<_> = world.tabs[2].member.group().leaves().iter().map(|l| l.name()).collect();
    let (host, grace) = (id(&world, "Hope"), id(&world, "Grace"));
    let leaf = |m: MemberId| *names.iter().find(|n| n.member == m).unwrap();
    let mallory = &mut world.tabs[2].member;
    let mut words = Vec::new();
    for decision in [
        Decision::Admit { package },
        Decision::Remove { leaf: leaf(grace) },
        Decision::Remove { leaf: leaf(host) },
    ] {
        let own = mallory.group().order(decision);
        // In the host's name, by Mallory's key.
        let stolen = Order::new(decision, host, own.epoch, own.signature());
        words.extend([own, stolen].map(|order| Words::Order { order }));
    }
    let data = mallory.group().data().unwrap();
    for change in [
        |r: &mut CallRules| r.lobby = false,
        |r: &mut CallRules| r.locked = true,
        |r: &mut CallRules| r.ended = true,
    ] {
        let bytes = mallory.group().change_rules(&data, change).to_bytes();
        words.push(Words::Rules { bytes });
    }
    words.push(Words::Refuse { package });
    let digest = mallory.group().epoch_digest();
    words.push(Words::Compare { digest });
    let call: CallId = mallory.group().call();
    let farewell = Words::leave(&call, grace, &mallory.group().identity().key);
    words.push(farewell);
    for words in &words {
        world.tabs[2].member.say_anything(words);
        world.give(2, Input::Tick);
        world.run(1_500);
    }
    assert_eq!(world.tabs[0].lobby.len(), 1, "a guest turned somebody away");
    assert!(
        world.tabs.iter().all(|t| t.compare.is_none()),
        "a guest made all compare"
    );
    nothing_happened(world, &tabs, asks, epoch);
}

#[test]
fn b1_nobody_writes_under_anothers_name() {
    let (mut world, tabs, asks) = hosted(5);
    let epoch = world.tabs[0].epoch();
    // Grace's words, as they passed, once more by Mallory; and a goodbye in her name is in `b8`.
    world.give(1, Input::Chat { text: "mine".into() });
    let message = {
        let (inside, _) = world.tabs[1].member.parts();
        inside.group.seal(&chat("again").to_bytes()).unwrap()
    };
    world.run(500);
    let (inside, s) = world.tabs[2].member.parts();
    let call = inside.call;
    for _ in 0..3 {
        s.send_envelope(ClearPart::message(call), &message).unwrap();
    }
    world.give(2, Input::Tick);
    world.run(1_000);
    // It is hers, whoever brings it, and counts once.
    let told: Vec<_> = world.tabs[0]
        .chat
        .iter()
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    assert_eq!(told, [("Grace", "mine"), ("Grace", "again")]);
    nothing_happened(world, &tabs, asks, epoch);
}

/// Key packages that open, each under another name and transport: the lobby shows what the server lets through, and no longer than they last.
#[test]
fn b6_knocks_that_open_are_limited_and_expire_and_honest_people_are_let_in() {
    let (mut world, tabs, asks) = hosted(8);
    let (inside, s) = world.tabs[2].member.parts();
    let (call, epoch) = (inside.call, inside.group.epoch());
    let (ring, room) = (s.keyring().unwrap(), s.room.clone());
    let lobby_key = inside.lobby.public().unwrap().to_vec();
    let door = knock::Door {
        epoch,
        lobby_key: &lobby_key,
        behind: None,
    };
    let at = world.now;
    let mut most = 0;
    for n in 0..120u8 {
        let data = LeafData::plain(
            MemberId::from_bytes([n; 16]),
            TransportId::from_bytes([n; 16]),
            format!("nobody {n}"),
            0,
        );
        let mut ghost = Identity::plain(LeafKey::from_seed(&[n; 32]), data);
        let package = ring.key_package(&mut ghost, call).unwrap();
        let body = knock::seal(&ring, &room, &call, &door, package).unwrap();
        world.forge(tabs[2], ClearPart::knock(call), &body);
        world.run(100);
        most = most.max(world.tabs[0].lobby.len());
    }
    // Five at once and one in two seconds, and whoever asked before.
    let allowed = 5 + (world.now - at) / 2_000 + 1;
    assert!(most > 3, "no knock of the flood was read: nothing was tested");
    assert!(most as u64 <= allowed, "{most} at once");
    assert!(
        world.tabs[0].lobby.iter().any(|entry| entry.name == "Eve"),
        "pushed out"
    );
    let eve = world.tabs[0]
        .lobby
        .iter()
        .find(|entry| entry.name == "Eve")
        .unwrap()
        .member_id;
    world.give(0, Input::Admit(eve));
    let all: Vec<usize> = tabs.iter().copied().chain([asks]).collect();
    world.until("the honest one is in", 5_000, |w| w.together(&all));
    world.until("the others' requests expire", KNOCK_KEPT_MS + 5_000, |w| {
        w.tabs[0].lobby.is_empty()
    });
}

#[test]
fn b7_names_and_words_of_others_are_made_inert_by_who_shows_them() {
    let mut world = World::new(6);
    let mut tabs = world.call_of(&["Ada"]);
    for (name, shown) in [
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("Ada\u{202E}tsoH", "Ada\u{FFFD}tsoH"),
        ("A\u{200B}da", "Ada"),
        ("two\nlines\u{7}", "two lines\u{FFFD}"),
    ] {
        let tab = world.join("Mallory");
        world.tabs[tab].member.name_oneself(name);
        tabs.push(tab);
        world.until("they are shown", 5_000, |w| {
            w.tabs[0].sees(shown).is_some() && w.tabs[0].roster.len() == tabs.len()
        });
    }
    let of = |n: &str| {
        world.tabs[0]
            .roster
            .iter()
            .filter(|e| e.name == n)
            .map(|e| e.same_name)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("Ada"), [true, true], "two of one name are not marked");
    let last = *tabs.last().unwrap();
    world.until("the last one is in", 5_000, |w| w.tabs[last].state == State::InCall);
    let text = "line\n\u{202E}<b>\u{0}";
    world.tabs[last].member.say_anything(&chat(text));
    world.tabs[last]
        .member
        .say_anything(&Words::Reaction { char: '\u{202E}' });
    world.give(last, Input::Tick);
    world.until("the words came", 2_000, |w| !w.tabs[0].chat.is_empty());
    assert_eq!(world.tabs[0].chat[0].1, "line\n\u{FFFD}<b>\u{FFFD}");
}

#[test]
fn b7_whoever_reuses_the_numbers_of_lines_hides_their_own_alone() {
    let mut world = World::new(7);
    let tabs = world.call_of(&["Ada", "Mallory", "Bo"]);
    world.run(3_000);
    let numbered = |text: String, n: u64| Words::Chat {
        text,
        number: n.to_be_bytes(),
    };
    let say = |world: &mut World, tab: usize, words: &Words| {
        world.tabs[tab].member.say_anything(words);
        world.give(tab, Input::Tick);
        world.run(200);
    };
    // The same number by two, and by one twice.
    for (tab, text) in [(1, "mine"), (1, "other words"), (2, "of Bo")] {
        say(&mut world, tabs[tab], &numbered(text.into(), 1));
    }
    // Many of one do not make the others' forgotten.
    for n in 0..200 {
        say(&mut world, tabs[1], &numbered(format!("noise {n}"), 10 + n));
    }
    say(&mut world, tabs[2], &numbered("of Bo".into(), 1));
    let read = |from: &str, text: &str| {
        let told = world.tabs[0].chat.iter();
        told.filter(|(n, t)| n == from && t == text).count()
    };
    assert_eq!(
        [
            read("Mallory", "mine"),
            read("Mallory", "other words"),
            read("Mallory", "noise 199"),
            read("Bo", "of Bo")
        ],
        [1, 0, 1, 1]
    );
}
