//! The steps that plans are made of, and how often each comes.

use proptest::{prelude::*, sample::Index};

/// One step. Connections are chosen among those that are open.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A tab enters a room, perhaps with a wrong secret, or stops after the hello.
    Enter {
        room: u8,
        tab: u8,
        secret_ok: bool,
        stop_after_hello: bool,
    },
    /// Attaches with the sequence that it has in that call, or a made-up one.
    Attach {
        who: Index,
        call: u8,
        seq: Option<u8>,
    },
    /// Commits on the newest sequence that it has seen, or one beside it, with a welcome for some tabs.
    Commit {
        who: Index,
        call: u8,
        off: i8,
        drop: Option<u8>,
        welcome: Option<u8>,
        large: bool,
    },
    Message {
        who: Index,
        call: u8,
    },
    Knock {
        who: Index,
        call: u8,
    },
    Card {
        who: Index,
        call: u8,
    },
    Publish {
        who: Index,
        kind: u8,
        on: bool,
    },
    Offer {
        who: Index,
    },
    Slots {
        who: Index,
    },
    Ping {
        who: Index,
    },
    Bye {
        who: Index,
    },
    /// The socket breaks.
    Close {
        who: Index,
    },
    /// Any bytes as a frame.
    Garbage {
        who: Index,
        bytes: Vec<u8>,
    },
    /// A valid frame with one bit flipped.
    Flip {
        who: Index,
        at: Index,
    },
    /// A piece of a long message.
    Piece {
        who: Index,
        id: u8,
        n: u8,
        last: bool,
        full: bool,
    },
    /// A submission of arbitrary form.
    Odd {
        who: Index,
        kinds: Vec<u8>,
    },
    /// The forwarding plane answers.
    Sfu {
        who: Index,
    },
    DeleteRoom {
        room: u8,
    },
    AddRoom {
        room: u8,
    },
    Pass {
        ms: u32,
    },
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let who = || any::<Index>();
    // Mostly the call that it is in, and the first one: plans in which nobody meets anybody would prove little.
    let call = || prop_oneof![8 => Just(0_u8), 3 => Just(1_u8), 1 => 2..4_u8];
    let seq = || prop::option::weighted(0.1, 0..5_u8);
    let off = || prop_oneof![10 => Just(0_i8), 1 => -1..=1_i8];
    prop_oneof![
        10 => (0..2_u8, 0..6_u8, prop::bool::weighted(0.9), prop::bool::weighted(0.1))
            .prop_map(|(room, tab, secret_ok, stop_after_hello)| Step::Enter { room: room.min(tab % 2), tab, secret_ok, stop_after_hello }),
        16 => (who(), call(), seq()).prop_map(|(who, call, seq)| Step::Attach { who, call, seq }),
        30 => (who(), call(), off(), prop::option::weighted(0.1, 0..6_u8), prop::option::weighted(0.4, 0..6_u8), prop::bool::weighted(0.1))
            .prop_map(|(who, call, off, drop, welcome, large)| Step::Commit { who, call, off, drop, welcome, large }),
        10 => (who(), call()).prop_map(|(who, call)| Step::Message { who, call }),
        4 => (who(), call()).prop_map(|(who, call)| Step::Knock { who, call }),
        4 => (who(), call()).prop_map(|(who, call)| Step::Card { who, call }),
        6 => (who(), 0..4_u8, any::<bool>()).prop_map(|(who, kind, on)| Step::Publish { who, kind, on }),
        2 => who().prop_map(|who| Step::Offer { who }),
        2 => who().prop_map(|who| Step::Slots { who }),
        2 => who().prop_map(|who| Step::Ping { who }),
        1 => who().prop_map(|who| Step::Bye { who }),
        3 => who().prop_map(|who| Step::Close { who }),
        1 => (who(), prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(who, bytes)| Step::Garbage { who, bytes }),
        1 => (who(), any::<Index>()).prop_map(|(who, at)| Step::Flip { who, at }),
        1 => (who(), 0..3_u8, 0..3_u8, any::<bool>(), any::<bool>())
            .prop_map(|(who, id, n, last, full)| Step::Piece { who, id, n, last, full }),
        1 => (who(), prop::collection::vec(1..6_u8, 0..4)).prop_map(|(who, kinds)| Step::Odd { who, kinds }),
        2 => who().prop_map(|who| Step::Sfu { who }),
        1 => prop_oneof![1 => (0..2_u8).prop_map(|room| Step::DeleteRoom { room }), 4 => (0..2_u8).prop_map(|room| Step::AddRoom { room })],
        20 => prop_oneof![8 => 0..1_500_u32, 1 => 1_500..5_000_u32, 1 => 5_000..200_000_u32].prop_map(|ms| Step::Pass { ms }),
    ]
}
