//! Somebody who holds the link floods a call.

use conclave_core::{Input, State};
use conclave_protocol::envelope::ClearPart;

use super::world::World;

/// B6: knocks, cards and words of rubbish, from one connection, as fast as the server takes them; honest people notice nothing.
#[test]
fn b6_a_flood_of_knocks_cards_and_words_costs_the_others_nothing() {
    for seed in 1..=2 {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B"]);
        let (call, _) = world.head.unwrap();
        let flooder = world.join("Mallory");
        world.run(2_000);
        assert!(world.together(&[tabs[0], tabs[1], flooder]));
        let epoch = world.tabs[0].epoch();
        for round in 0..20usize {
            for n in 0..50u8 {
                for clear in [ClearPart::knock(call), ClearPart::card(call), ClearPart::message(call)] {
                    world.forge(flooder, clear, &[n; 700]);
                }
            }
            world.give(
                tabs[0],
                Input::Chat {
                    text: format!("round {round}"),
                },
            );
            world.until("words pass within a second", 1_000, |w| w.tabs[1].chat.len() > round);
        }
        assert_eq!(world.tabs[0].epoch(), epoch, "the flood made new epochs");
        let key = |t: usize| world.tabs[t].keys.last().unwrap().base_key.clone();
        assert!(key(tabs[0]) == key(tabs[1]) && tabs.iter().all(|t| world.tabs[*t].state == State::InCall));
        let late = world.join("Late");
        world.until("an honest newcomer gets in", 15_000, |w| {
            [tabs[0], tabs[1]].iter().all(|t| w.tabs[*t].names().contains(&"Late")) && w.tabs[late].names().len() > 2
        });
    }
}

/// B6: words by a member; the limit is the server's and the others' conversation goes on.
#[test]
fn b6_a_member_who_never_stops_talking_silences_nobody() {
    let mut world = World::new(3);
    let tabs = world.call_of(&["A", "B", "Mallory"]);
    for round in 0..20usize {
        for n in 0..100 {
            world.give(tabs[2], Input::Chat { text: format!("{n}") });
        }
        world.give(
            tabs[0],
            Input::Chat {
                text: format!("word {round}"),
            },
        );
        let word = format!("word {round}");
        world.until("a word of A reaches B within two seconds", 2_000, |w| {
            w.tabs[1].chat.iter().any(|(from, text)| from == "A" && *text == word)
        });
    }
    world.run(10_000);
    assert!(tabs[..2].iter().all(|t| world.tabs[*t].names().contains(&"B")));
}
