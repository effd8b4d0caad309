//! Attacks in which our own crates play the attacker, over the real delivery service: an evil server, or somebody who holds the link.
//!
//! Each test is named after the attack of `docs/threat-model.md` ("Attacks that are tested"), where the outcome stands. Members who are evil themselves
//! need the inside of a member: `src/call/cheats.rs`.

#[path = "../world/mod.rs"]
mod world;

mod floods;
mod replay;
mod rooms;
mod split;
mod version;

use conclave_core::{Input, State};
use world::World;

/// A host and guests who were let in.
fn hosted(world: &mut World, guests: &[&str]) -> Vec<usize> {
    let mut tabs = vec![world.join_as_host("Hope")];
    world.until("the host is in", 5_000, |w| w.tabs[0].state == State::InCall);
    for name in guests {
        let tab = world.join(name);
        world.until("the host sees who asks", 5_000, |w| w.tabs[0].lobby.len() == 1);
        world.give(0, Input::AdmitAll);
        tabs.push(tab);
        let so_far = tabs.clone();
        world.until("they were let in", 5_000, |w| w.together(&so_far));
    }
    tabs
}
