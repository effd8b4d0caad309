//! One socket: how far it has come and what it may still spend.

use conclave_protocol::{
    admission::{AdmissionContext, LinkProofVerified},
    chunk::Inbox,
    gate::ProofContext,
    ids::{CallId, RoomId, TransportId},
};

use crate::{
    outbox::Refusal,
    rate::{self, Bucket},
};

/// Time for the hello and the proof. Two round trips at two seconds each, and slack; longer only helps those who open sockets to hold them.
pub(crate) const ADMISSION_MS: u64 = 10_000;

/// Time for a long message to be complete: 2 MiB at 64 kB/s. Longer lets stalled senders hold memory.
pub(crate) const ASSEMBLY_MS: u64 = 30_000;

/// How far a connection has come. Each state holds what the step before it proved.
pub(crate) enum Phase {
    /// Challenged.
    Challenged {
        /// Part of what the client must sign.
        server_nonce: [u8; 32],
    },
    /// Has said which room and who asks. Nothing is proven.
    Greeted(AdmissionContext),
    /// Has asked for a change of a room's record and waits for the registry.
    Asked {
        /// The request's type.
        re: u8,
    },
    /// Has proven the link.
    Admitted(Box<Admitted>),
}

/// An admitted connection.
pub(crate) struct Admitted {
    proof: LinkProofVerified,
    /// What was proven, to which proofs of a gate are bound.
    context: AdmissionContext,
    /// The call in which it takes part.
    pub(crate) attached: Option<CallId>,
    /// Joins long messages.
    pub(crate) inbox: Inbox,
    /// When the unfinished long message began.
    pub(crate) assembling_since: Option<u64>,
    /// Has asked for a change of the room's record, by a message of this type, and waits for the registry.
    pub(crate) asks_registry: Option<u8>,
    /// What it may spend.
    pub(crate) allowance: Allowance,
}

impl Admitted {
    pub(crate) fn new(proof: LinkProofVerified, context: AdmissionContext, now_ms: u64) -> Self {
        Self {
            proof,
            context,
            attached: None,
            inbox: Inbox::new(),
            assembling_since: None,
            asks_registry: None,
            allowance: Allowance::new(now_ms),
        }
    }

    pub(crate) fn room_id(&self) -> RoomId {
        self.proof.room_id()
    }

    pub(crate) fn transport(&self) -> TransportId {
        self.proof.transport()
    }

    /// What a gate's proof on this connection is bound to.
    pub(crate) fn proof_context(&self) -> ProofContext<'_> {
        ProofContext {
            server: &self.context.server,
            server_nonce: &self.context.server_nonce,
            transport_pk: &self.context.transport_pk,
        }
    }
}

/// One socket.
pub(crate) struct Connection {
    pub(crate) phase: Phase,
    pub(crate) frames: Bucket,
}

impl Connection {
    pub(crate) fn new(server_nonce: [u8; 32], now_ms: u64) -> Self {
        Self {
            phase: Phase::Challenged { server_nonce },
            frames: Bucket::new(rate::FRAMES, now_ms),
        }
    }

    pub(crate) fn admitted(&self) -> Option<&Admitted> {
        match &self.phase {
            Phase::Admitted(admitted) => Some(admitted),
            Phase::Challenged { .. } | Phase::Greeted(_) | Phase::Asked { .. } => None,
        }
    }

    pub(crate) fn admitted_mut(&mut self) -> Option<&mut Admitted> {
        match &mut self.phase {
            Phase::Admitted(admitted) => Some(admitted),
            Phase::Challenged { .. } | Phase::Greeted(_) | Phase::Asked { .. } => None,
        }
    }
}

/// The token buckets of an admitted connection.
pub(crate) struct Allowance {
    pub(crate) commits: Bucket,
    pub(crate) messages: Bucket,
    pub(crate) message_bytes: Bucket,
    pub(crate) knocks: Bucket,
    pub(crate) cards: Bucket,
    pub(crate) offers: Bucket,
    pub(crate) publishes: Bucket,
    pub(crate) slots: Bucket,
    pub(crate) attaches: Bucket,
    pub(crate) pings: Bucket,
    pub(crate) proofs: Bucket,
    pub(crate) manages: Bucket,
}

impl Allowance {
    fn new(now_ms: u64) -> Self {
        let full = |rate| Bucket::new(rate, now_ms);
        Self {
            commits: full(rate::COMMITS),
            messages: full(rate::MESSAGES),
            message_bytes: full(rate::MESSAGE_BYTES),
            knocks: full(rate::KNOCKS),
            cards: full(rate::CARDS),
            offers: full(rate::OFFERS),
            publishes: full(rate::PUBLISHES),
            slots: full(rate::SLOTS),
            attaches: full(rate::ATTACHES),
            pings: full(rate::PINGS),
            proofs: full(rate::PROOFS),
            manages: full(rate::MANAGES),
        }
    }
}

/// One of it, or the refusal that says when.
pub(crate) fn spend(bucket: &mut Bucket, now_ms: u64) -> Result<(), Refusal> {
    bucket.take(now_ms, 1).map_err(Refusal::retry)
}
