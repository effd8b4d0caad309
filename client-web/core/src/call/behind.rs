//! Members that cannot read their own part of a commit, in a small world: they are added anew, or it was void for all.
//!
//! The committer's fault is played by taking a member's tree keys away, which is the same to it: the path secret that was sealed to it does not open.

use super::{Member, Stage};
use crate::io::{NoticeCode, State};
use crate::world::World;

impl Member {
    /// Nothing that is sealed to this member's place in the tree can be opened by it any more; and once more: it can again.
    fn spoil_tree_keys(&mut self) {
        if let Stage::Inside(inside) = &mut self.stage {
            inside.group.spoil_tree_keys();
        }
    }
}

#[test]
fn whoever_cannot_read_a_commit_is_added_anew_at_once() {
    let mut readded = 0;
    for seed in 1..=8 {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C"]);
        world.run(3_000);
        let id = world.tabs[0].sees("C").unwrap().member_id;
        let conn = world.tabs[2].conn;
        world.tabs[2].member.spoil_tree_keys();
        tabs.push(world.join("D"));
        world.until("C has the group again", 4_000, |w| w.together(&tabs));
        if world.tabs[2].notices.is_empty() {
            continue; // It committed itself, and needs nobody's secret for that.
        }
        readded += 1;
        assert_eq!(
            world.tabs[2].notices,
            [NoticeCode::ChangeUnreadable, NoticeCode::PlaceBack]
        );
        assert!(world.tabs[2].conn == conn, "the connection was given up");
        assert!(world.tabs[0].sees("C").unwrap().member_id == id);
        assert!(tabs.iter().all(|t| world.tabs[*t].departed.is_empty()));
        world.run(20_000);
        assert!(world.together(&tabs));
    }
    assert!(readded > 1, "it was the committer each time");
}

#[test]
fn a_commit_that_nobody_can_read_is_void_and_the_group_goes_on() {
    for seed in 1..=6 {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        world.run(3_000);
        let before = world.tabs[0].epoch();
        for tab in &tabs {
            world.tabs[*tab].member.spoil_tree_keys();
        }
        let newcomer = world.join("D");
        let moved = |w: &World| tabs.iter().copied().find(|t| w.tabs[*t].epoch() != before);
        world.until("one of them committed", 4_000, |w| moved(w).is_some());
        let committer = moved(&world).unwrap();
        world.kill(committer);
        let rest: Vec<usize> = tabs.iter().copied().filter(|t| *t != committer).collect();
        let conns: Vec<_> = rest.iter().map(|t| world.tabs[*t].conn).collect();
        for tab in &rest {
            world.until("it noticed", 1_000, |w| !w.tabs[*tab].notices.is_empty());
            world.tabs[*tab].member.spoil_tree_keys();
            assert_eq!(world.tabs[*tab].epoch(), before);
        }
        // The newcomer was welcomed into an epoch that only the committer was in: the server does not follow it there, and it comes in once more.
        let all: Vec<usize> = rest.iter().copied().chain([newcomer]).collect();
        world.until("the others go on", 120_000, |w| w.together(&all));
        for (tab, conn) in rest.iter().zip(conns) {
            let tab = &world.tabs[*tab];
            assert_eq!(
                tab.notices,
                [NoticeCode::ChangeUnreadable],
                "somebody threw their state away"
            );
            assert!(tab.conn == conn && tab.state == State::InCall);
        }
    }
}

#[test]
fn paths_that_are_bad_for_half_the_members_cost_them_seconds() {
    for seed in 1..=4 {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C", "D", "E", "F"]);
        world.run(3_000);
        for tab in &tabs[3..] {
            world.tabs[*tab].member.spoil_tree_keys();
        }
        tabs.push(world.join("G"));
        world.until("all have the group again", 20_000, |w| w.together(&tabs));
        assert!(
            tabs.iter().all(|t| world.tabs[*t].departed.is_empty()),
            "somebody is said to have gone"
        );
        world.run(20_000);
        assert!(world.together(&tabs));
    }
}
