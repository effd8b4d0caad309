//! One member: the place where its four parts meet. Holds them; the work is in each of them.

use std::time::Instant;

use crate::api::CallKey;
use crate::publisher::Publisher;
use crate::subscriber::Subscriber;
use crate::transport::Transport;

pub(crate) struct Peer {
    pub(crate) call: CallKey,
    pub(crate) transport_id: [u8; 16],
    /// There after the first usable offer.
    pub(crate) path: Option<Transport>,
    pub(crate) publisher: Publisher,
    pub(crate) subscriber: Subscriber,
    /// `o=` line of our answers: number and version.
    pub(crate) session: (u64, u64),
}

impl Peer {
    /// Packets can reach this member. A keyframe asked for on behalf of somebody who cannot receive yet is wasted, and delays the next.
    pub(crate) fn can_receive(&self) -> bool {
        self.path.as_ref().is_some_and(Transport::has_keys)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let path = self.path.as_ref().and_then(Transport::poll_timeout);
        [path, self.publisher.poll_timeout(), self.subscriber.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }
}
