//! Media forwarding: a pure state machine over packets. Its other half, which owns the sockets, is the `conclave` crate.
//!
//! Members send their tracks here once, and say which tracks they want in which slots of their connection. Packets are
//! authenticated, renumbered and sealed again for each subscriber; their content is encrypted between the members and stays so.
//!
//! # Rule of use
//!
//! One owner calls [`Sfu::handle`] with everything that happens, then [`Sfu::poll_output`] until it gives nothing, then waits until
//! [`Sfu::poll_timeout`] or the next input. `now` never goes back. Nothing here reads a clock, opens a socket or touches a file;
//! randomness comes from the seed in [`SfuConfig`], except inside the DTLS library, which takes its own from ring.
//!
//! # Deliberately absent
//!
//! Decoding, decryption of frames, audio levels, who speaks; ICE checks of our own, TURN, candidates from peers; bandwidth estimation
//! and the choice of layers (one layer is carried); data channels. A peer's fault ends that peer's packet or offer, never the call.
//!
//! # Map
//!
//! | file | idea |
//! |---|---|
//! | `sfu`, `control`, `media`, `feedback` | the loop; what members ask for; datagrams; RTCP |
//! | `call` | membership and routes |
//! | `transport/*` | one member's path: demultiplexing, ICE-lite, DTLS, SRTP |
//! | `publisher`, `incoming`, `nack`, `twcc`, `keyframe` | what a member sends |
//! | `subscriber`, `slot`, `rewrite` | what a member receives |
//! | `sdp/*` | offers and answers |

mod api;
mod call;
mod control;
mod entropy;
mod error;
mod feedback;
mod incoming;
mod keyframe;
mod media;
mod nack;
mod payload;
mod peer;
mod publisher;
mod rewrite;
mod rtcp;
mod rtp;
mod sdp;
mod sequence;
mod sfu;
mod slot;
mod subscriber;
mod transport;
mod twcc;

pub use api::{CallKey, Counters, Input, MediaTap, Output, PeerId, SfuConfig, TrackId, TrackKind};
pub use error::{OfferFault, SfuError};
pub use sfu::Sfu;
pub use transport::identity::DtlsIdentity;

/// The owner may move the state machine to a thread of its own.
const _: fn() = || {
    fn moves<T: Send>() {}
    moves::<Sfu>();
};
