//! Random legal sequences of what people and networks do, against a small model of what should come of it.
//!
//! After each step everybody who is there stands in one epoch with one key, sees the same people with the model's roles, mutes and lock, and hears what
//! one of them says. The model knows nothing of groups, commits or envelopes.

mod world;

use std::collections::BTreeMap;

use conclave_core::{EndReason, Input, MemberRole, State};
use conclave_protocol::ids::{MemberId, TrackKind};
use world::{World, seeds};

/// Steps of one sequence, the first seed, and how many sequences. COST: a quarter of a second each.
const STEPS: usize = 14;
const FIRST: u64 = 500;
const SEQUENCES: u64 = 24;
/// Everybody agrees again within this: 90 s until somebody silent is removed, the vouchers' steps, and a place taken back.
const AGREED: u64 = 140_000;
/// Words arrive within this once they do.
const HEARD: u64 = 2_000;
const MICROPHONE: u8 = 1 << TrackKind::Microphone as u8;

/// One person, as the model has them.
#[derive(Clone, Copy, Default)]
struct Person {
    moderates: bool,
    muted: bool,
}

/// What should be: the host is tab 0 and stays.
struct Model {
    people: BTreeMap<usize, Person>,
    /// Who was removed, and has to know.
    expelled: Vec<usize>,
    locked: bool,
    named: usize,
}

impl Model {
    fn everybody(&self) -> Vec<usize> {
        std::iter::once(0).chain(self.people.keys().copied()).collect()
    }

    fn one(&self, world: &mut World) -> Option<usize> {
        let n = self.people.len() as u64;
        (n > 0).then(|| *self.people.keys().nth(world.below(n) as usize).unwrap())
    }

    /// The host, or a moderator.
    fn chair(&self, world: &mut World, but: usize) -> usize {
        let all: Vec<usize> = self
            .people
            .iter()
            .filter(|(t, p)| p.moderates && **t != but)
            .map(|(t, _)| *t)
            .collect();
        match world.below(all.len() as u64 + 1) as usize {
            0 => 0,
            n => all[n - 1],
        }
    }

    fn holds(&self, world: &World) -> bool {
        let all = self.everybody();
        let told = [State::Ended(EndReason::Removed), State::Ended(EndReason::Barred)];
        let know = self.expelled.iter().all(|t| told.contains(&world.tabs[*t].state));
        know && world.together(&all) && all.iter().all(|by| self.holds_for(world, *by))
    }

    fn holds_for(&self, world: &World, by: usize) -> bool {
        let seen = &world.tabs[by];
        seen.rules.is_some_and(|r| r.locked == self.locked && r.host_present)
            && self.people.iter().all(|(tab, person)| {
                seen.sees(&world.tabs[*tab].name).is_some_and(|entry| {
                    let role = person.moderates.then_some(MemberRole::Moderator);
                    entry.role == role && (entry.muted & MICROPHONE != 0) == person.muted
                })
            })
    }
}

fn id(world: &World, tab: usize) -> MemberId {
    let name = world.tabs[tab].name.clone();
    world.tabs[0].sees(&name).unwrap().member_id
}

/// One step; gives what it was, for the failure's text.
fn step(world: &mut World, model: &mut Model) -> String {
    let what = world.below(12);
    let Some(one) = model.one(world).filter(|_| what > 2) else {
        if model.locked {
            model.locked = false;
            world.give(0, Input::Lock(false));
            return "unlock".into();
        }
        model.named += 1;
        let name = format!("P{}", model.named);
        let tab = world.join(&name);
        world.until("they ask", 30_000, |w| w.tabs[0].lobby.iter().any(|e| e.name == name));
        world.give(0, Input::AdmitAll);
        model.people.insert(tab, Person::default());
        return format!("{name} joins as tab {tab}");
    };
    let member = id(world, one);
    let by = model.chair(world, one);
    let mut person = model.people[&one];
    let text = match what {
        3 => {
            world.give(one, Input::Leave);
            model.people.remove(&one);
            return format!("{one} leaves");
        }
        4 => {
            world.kill(one);
            model.people.remove(&one);
            return format!("{one} crashes");
        }
        5 => {
            let back = world.reload(one);
            model.people.remove(&one);
            model.people.insert(back, person);
            return format!("{one} is loaded again as {back}");
        }
        6 => {
            person.muted = !person.muted;
            // A moderator is a host's to mute.
            let by = if person.moderates { 0 } else { by };
            world.give(
                by,
                Input::MuteMember {
                    member,
                    kinds: MICROPHONE,
                    on: person.muted,
                },
            );
            format!("{by} mutes {one}: {}", person.muted)
        }
        7 => {
            let bar = world.below(2) == 0;
            world.give(0, Input::Remove { member, bar });
            model.people.remove(&one);
            model.expelled.push(one);
            return format!("{one} is removed, barred: {bar}");
        }
        8 => {
            person.moderates = !person.moderates;
            world.give(
                0,
                if person.moderates {
                    Input::Appoint(member)
                } else {
                    Input::Dismiss(member)
                },
            );
            format!("{one} moderates: {}", person.moderates)
        }
        9 => {
            model.locked = !model.locked;
            world.give(by, Input::Lock(model.locked));
            format!("{by} locks: {}", model.locked)
        }
        10 => {
            world.restart_server();
            // Words that are on their way into a dying connection are lost; that is not what is tested here.
            world.run(500);
            "the server is restarted".into()
        }
        _ => {
            let ms = 500 + world.below(40_000);
            world.cut(one);
            world.run(ms);
            world.mend(one);
            format!("{one} was cut off for {ms} ms")
        }
    };
    model.people.insert(one, person);
    text
}

#[test]
fn whatever_people_and_networks_do_all_agree_on_what_came_of_it() {
    for seed in FIRST..FIRST + seeds(SEQUENCES) {
        let mut world = World::with_a_host(seed);
        world.join_as_host("Hope");
        world.until("the host is in", 5_000, |w| w.tabs[0].state == State::InCall);
        let mut model = Model {
            people: BTreeMap::new(),
            expelled: Vec::new(),
            locked: false,
            named: 0,
        };
        let mut story = Vec::new();
        for n in 0..STEPS {
            story.push(step(&mut world, &mut model));
            let deadline = world.now + AGREED;
            while !model.holds(&world) {
                let told: Vec<_> = model
                    .everybody()
                    .iter()
                    .chain(&model.expelled)
                    .map(|t| {
                        (
                            &world.tabs[*t].name,
                            world.tabs[*t].state,
                            world.tabs[*t].epoch(),
                            world.tabs[*t].names(),
                        )
                    })
                    .collect();
                assert!(
                    world.now < deadline,
                    "seed {seed}: they do not agree after {story:#?}: {told:#?}"
                );
                world.run(100);
            }
            // Nobody is silently deaf. Whoever stands in the call again has asked the server for its words a moment ago.
            world.run(300);
            let all = model.everybody();
            let speaks = all[world.below(all.len() as u64) as usize];
            let word = format!("word {n}");
            world.give(speaks, Input::Chat { text: word.clone() });
            let heard = |w: &World| {
                all.iter()
                    .all(|t| w.tabs[*t].chat.iter().any(|(_, text)| *text == word))
            };
            let until = world.now + HEARD;
            while !heard(&world) {
                assert!(
                    world.now < until,
                    "seed {seed}: somebody does not hear {speaks} after {story:#?}"
                );
                world.run(50);
            }
        }
    }
}
