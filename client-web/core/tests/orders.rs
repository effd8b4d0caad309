//! Every order, within bounds: what trouble comes of one or two frames that are late is not left to chance. The real delivery service and real members, as everywhere here; each run is the same world
//! with other frames late, and what is behind a late frame waits with it, as on one connection.
//!
//! Bounds: two late frames among all that two founders exchange, or the server's restart at each moment and one late frame before it. A commit that somebody made up at each moment: `call/void.rs`. What
//! the server makes of every order of commits and votes is searched where that state machine can be copied: `gate_model` and `gate_restart` in the delivery service.

mod world;

use conclave_core::Input;
use world::World;

/// Later than a newcomer looks again at a newer card (1.5 s), sooner than they knock again (3.5 s).
const LATE_MS: u64 = 2_500;
/// Later than all of that: whoever waits has asked again meanwhile.
const VERY_LATE_MS: u64 = 5_000;
/// Two late frames, two turns of asking, and a call given up for another.
const TOGETHER_MS: u64 = 40_000;
/// A goodbye that was lost with the server's process is made up for by 90 s of silence.
const SETTLED_MS: u64 = 140_000;

/// Two people open the link in the same moment. Gives how many frames it took until they were together.
fn two_founders(late: Vec<u64>, by: u64) -> u64 {
    let mut world = World::new(1);
    world.late = (late.clone(), by);
    let tabs = [world.join("Ada"), world.join("Grace")];
    world.until(&format!("together, with {late:?} late by {by}"), TOGETHER_MS, |w| {
        w.together(&tabs)
    });
    let frames = world.frames;
    world.run(6_000);
    assert!(world.together(&tabs), "they met and parted, with {late:?} late by {by}");
    frames
}

#[test]
fn two_founders_come_together_whichever_one_or_two_frames_are_late() {
    let frames = two_founders(Vec::new(), 0);
    assert!(frames > 20, "no exchange worth searching: {frames} frames");
    for first in 0..frames {
        two_founders(vec![first], VERY_LATE_MS);
        for second in first..frames {
            two_founders(vec![first, second], LATE_MS);
        }
    }
}

/// Three are in a call; one says goodbye while somebody new comes. The server is restarted before frame `restart`, counted from there.
fn restarted(restart: Option<u64>, late: Option<u64>) -> u64 {
    let mut world = World::new(2);
    let tabs = world.call_of(&["A", "B", "C"]);
    world.run(2_000);
    let before = world.frames;
    world.late = (late.iter().map(|n| before + n).collect(), LATE_MS);
    world.give(tabs[2], Input::Leave);
    let new = world.join("D");
    if let Some(restart) = restart {
        // The last of them may never be sent.
        let end = world.now + 10_000;
        world.until("the moment of the restart", 11_000, |w| {
            w.frames >= before + restart || w.now >= end
        });
        world.restart_server();
    }
    let rest = [tabs[0], tabs[1], new];
    let what = format!("together, restarted before {restart:?} with {late:?} late");
    world.until(&what, SETTLED_MS, |w| w.together(&rest));
    let frames = world.frames - before;
    world.run(6_000);
    assert!(world.together(&rest), "not any more {what}");
    frames
}

#[test]
fn a_restart_at_any_moment_of_a_change_leaves_one_call() {
    let frames = restarted(None, None);
    assert!(frames > 20, "no exchange worth searching: {frames} frames");
    for restart in 0..frames {
        restarted(Some(restart), None);
        for late in restart.saturating_sub(4)..restart {
            restarted(Some(restart), Some(late));
        }
    }
}
