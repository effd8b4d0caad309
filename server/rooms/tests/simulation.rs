//! Any order of legal and hostile inputs, against what must hold always. The shrunk plan of a failure is printed by proptest, with its seed.
//!
//! Besides what [`common`] checks on every output (nothing but challenge, refusal and pong to the unadmitted, nothing after closing, media commands
//! in order, no timer in the past):
//! - each attached connection gets the commits of its call without a gap and none twice;
//! - everybody in a call gets the same commit under the same sequence;
//! - a welcome goes out only after its commit was taken, and only to its addressees;
//! - messages pass only between connections of one call, and to whom a welcome opened it, never back to the sender;
//! - at most eight microphones are on.

#[allow(dead_code, reason = "each test file uses a part")]
mod common;

// By path: a file beside this one would be a test of its own.
#[path = "simulation/act.rs"]
mod act;
#[path = "simulation/check.rs"]
mod check;
#[path = "simulation/step.rs"]
mod step;

use std::collections::{BTreeMap, BTreeSet};

use common::{TestRoom, World, room};
use conclave_protocol::{ids::TransportId, room::Limits};
use conclave_rooms::{ConnId, Input};
use proptest::{prelude::*, sample::Index};
use step::{Step, step};

/// What the checks remember about an envelope that some step submitted.
struct Sent {
    sender: ConnId,
    media: Option<u64>,
    to: Vec<TransportId>,
    /// Of a welcome: its commit.
    commit: Option<u32>,
}

struct Simulation {
    world: World,
    rooms: Vec<TestRoom>,
    tabs: BTreeMap<ConnId, TransportId>,
    sent: BTreeMap<u32, Sent>,
    /// The call that a connection attached to last.
    own: BTreeMap<ConnId, u8>,
    /// The last commit that a connection has of the call that it is in.
    have: BTreeMap<ConnId, u64>,
    /// What an attach that is being handled named.
    asked: Option<(ConnId, u64)>,
    /// Per call of the forwarding plane and sequence: the commit.
    taken: BTreeMap<(u64, u64), u32>,
    /// Calls that welcomes opened for connections that take part in none.
    opened: BTreeSet<(ConnId, Option<u64>)>,
    seen: usize,
}

impl Simulation {
    fn new() -> Self {
        let rooms = vec![
            room(1, Limits::default()),
            room(
                2,
                Limits {
                    members: 4,
                    seats: 2,
                    calls: 2,
                },
            ),
        ];
        let mut world = World::with(12);
        rooms.iter().for_each(|r| world.add(r));
        Self {
            world,
            rooms,
            tabs: BTreeMap::new(),
            sent: BTreeMap::new(),
            own: BTreeMap::new(),
            have: BTreeMap::new(),
            asked: None,
            taken: BTreeMap::new(),
            opened: BTreeSet::new(),
            seen: 0,
        }
    }

    fn open(&self, who: &Index) -> Option<ConnId> {
        let open: Vec<ConnId> = self
            .world
            .sockets
            .iter()
            .filter(|(_, s)| s.closed.is_none())
            .map(|(conn, _)| *conn)
            .collect();
        (!open.is_empty()).then(|| *who.get(&open))
    }

    fn run(&mut self, step: &Step) {
        self.asked = None;
        match step {
            Step::Enter {
                room,
                tab,
                secret_ok,
                stop_after_hello,
            } => self.enter(*room, *tab, *secret_ok, *stop_after_hello),
            Step::DeleteRoom { room } => {
                let room_id = self.rooms[usize::from(*room)].record.room_id;
                self.world.input(Input::RoomDeleted(room_id));
            }
            Step::AddRoom { room } => self.world.add(&self.rooms[usize::from(*room)]),
            Step::Pass { ms } => self.world.pass(u64::from(*ms)),
            Step::Attach { who, .. }
            | Step::Commit { who, .. }
            | Step::Message { who, .. }
            | Step::Knock { who, .. }
            | Step::Card { who, .. }
            | Step::Publish { who, .. }
            | Step::Offer { who }
            | Step::Slots { who }
            | Step::Ping { who }
            | Step::Bye { who }
            | Step::Close { who }
            | Step::Garbage { who, .. }
            | Step::Flip { who, .. }
            | Step::Piece { who, .. }
            | Step::Odd { who, .. }
            | Step::Sfu { who } => {
                if let Some(conn) = self.open(who) {
                    self.act(conn, step);
                }
            }
        }
        self.check();
    }
}

proptest! {
    // 256 plans of up to 150 steps take a few seconds; `./x long core` raises it.
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn any_order_of_inputs_keeps_what_must_hold(steps in prop::collection::vec(step(), 1..150)) {
        let mut simulation = Simulation::new();
        for step in &steps {
            simulation.run(step);
        }
    }
}

#[test]
fn the_plans_reach_what_they_are_about() {
    // A generator that only ever makes refused requests would prove nothing: over fixed plans, commits are taken, welcomes and messages arrive.
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let plan = prop::collection::vec(step(), 150);
    let (mut commits, mut replays) = (0, 0);
    for _ in 0..50 {
        let steps = plan.new_tree(&mut runner).unwrap().current();
        let mut simulation = Simulation::new();
        for step in &steps {
            let before = simulation.taken.len();
            simulation.run(step);
            commits += simulation.taken.len() - before;
            replays += usize::from(matches!(step, Step::Attach { .. }) && simulation.taken.len() > 1);
        }
    }
    assert!(commits > 200, "{commits} commits were taken");
    assert!(replays > 100, "{replays} attaches after commits");
}
