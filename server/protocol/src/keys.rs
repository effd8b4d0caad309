//! Secrets, public keys, signatures, and the key schedule from link and root.
//!
//! Secrets are wiped when dropped, compare in constant time where they compare at all, and cannot be formatted. Deliberately absent: a way to
//! make one at random; entropy is an argument.
//!
//! SPEC: `docs/protocol.md`, section 1, "Key schedule". Signatures are Ed25519, verified strictly (no small-order keys, no second encodings).

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error as DecodeError,
    encode::{Error as EncodeError, Write},
};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    error::Error,
    hash::{expand, extract},
    ids::RoomFp,
    server_name::ServerName,
};

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; 32]);

        impl $name {
            /// From its bytes; the caller wipes its own copy.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The secret itself. Every call of this is a place to look at.
            pub const fn expose(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl Eq for $name {}
    };
}

secret!(
    /// The secret of a room's link: whoever has it may ask to be let in.
    LinkSecret
);
secret!(
    /// The root seed of a room, which the deed keeps: whoever has it owns the room.
    RootSeed
);
secret!(
    /// Manages a room's record at every server, each with a key of its own.
    ManageSecret
);
secret!(
    /// The seed of a mandate's key.
    MandateSeed
);
secret!(
    /// The seed of a personal invite's key: whoever has it has the seat.
    InviteSeed
);
secret!(
    /// The secret of a one-use ticket.
    TicketSecret
);
secret!(
    /// Seals envelopes against the server.
    EnvelopeKey
);
secret!(
    /// Seals room sheets against the server.
    SheetKey
);
secret!(
    /// The pre-shared key in every commit with an Add: without the link's secret nobody can be added, whatever the server does.
    Psk
);

// The one secret that a server is shown: it is worth nothing once it was.
impl<C> Encode<C> for TicketSecret {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for TicketSecret {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        d.bytes()?
            .try_into()
            .map(Self)
            .map_err(|_| DecodeError::message("not a secret"))
    }
}

macro_rules! public_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, PartialEq, Ord, PartialOrd, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// From its bytes. Whether they are a point is found out when a signature is verified.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Verifies a signature over `message`, strictly.
            pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), Error> {
                verify(&self.0, message, signature)
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
                d.bytes()?.try_into().map(Self).map_err(|_| DecodeError::message("not a key"))
            }
        }
    };
}

public_key!(
    /// The public half of a room's root; the link carries its fingerprint.
    RootPk
);
public_key!(
    /// What a server checks admissions to a room against.
    AdmissionPk
);
public_key!(
    /// What a server checks changes of a room's record against.
    ManagePk
);
public_key!(
    /// A tab's key in one call.
    TransportPk
);
public_key!(
    /// The key that a mandate gives a role to.
    MandatePk
);
public_key!(
    /// The key that a host gave one seat to.
    InvitePk
);
public_key!(
    /// The gate of one epoch of a call: whoever can sign for it is in that epoch.
    GatePk
);

/// SECURITY: strict (C-SIG-1): small-order and mixed-order keys and non-canonical encodings are refused, so that one signature cannot be valid
/// under two keys and one message cannot have two signatures made from one.
pub(crate) fn verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), Error> {
    VerifyingKey::from_bytes(key)
        .and_then(|key| key.verify_strict(message, &Signature::from_bytes(signature)))
        .map_err(|_| Error::NotAuthentic)
}

/// An Ed25519 key pair; wiped when dropped.
#[derive(Clone)]
pub struct Signer(SigningKey);

impl Signer {
    /// From its seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Its public key's bytes.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs; the caller puts the label in.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// The keys that follow from a link's secret.
pub struct LinkKeys {
    prk: Zeroizing<[u8; 32]>,
}

impl LinkKeys {
    /// HKDF-Extract with the link's salt.
    pub fn derive(secret: &LinkSecret) -> Self {
        Self {
            prk: extract(b"conclave v1 link", secret.expose()),
        }
    }

    /// The admission key's seed for one server.
    pub fn admission_seed(&self, server: &ServerName) -> Zeroizing<[u8; 32]> {
        expand(&self.prk, "admission", &server.lp())
    }

    /// The admission key for one server. Servers hold different public keys for the same room and cannot match them.
    pub fn admission(&self, server: &ServerName) -> Signer {
        Signer::from_seed(&self.admission_seed(server))
    }

    /// The MLS pre-shared key.
    pub fn psk(&self) -> Psk {
        Psk(*expand(&self.prk, "psk", &[]))
    }

    /// The key that seals envelopes.
    pub fn envelope(&self) -> EnvelopeKey {
        EnvelopeKey(*expand(&self.prk, "envelope", &[]))
    }

    /// The key that seals room sheets.
    pub fn sheet(&self) -> SheetKey {
        SheetKey(*expand(&self.prk, "sheet", &[]))
    }
}

/// The id of the MLS pre-shared key: label ‖ room_fp ‖ u16 generation.
pub fn psk_id(room: &RoomFp, generation: u16) -> Vec<u8> {
    [
        b"conclave v1 psk",
        room.as_bytes().as_slice(),
        &generation.to_be_bytes(),
    ]
    .concat()
}

/// The keys that follow from a room's root seed.
pub struct RootKeys {
    prk: Zeroizing<[u8; 32]>,
}

impl RootKeys {
    /// HKDF-Extract with the root's salt.
    pub fn derive(seed: &RootSeed) -> Self {
        Self {
            prk: extract(b"conclave v1 root", seed.expose()),
        }
    }

    /// The root's signing key.
    pub fn sign(&self) -> Signer {
        Signer::from_seed(&expand(&self.prk, "sign", &[]))
    }

    /// The root's public key.
    pub fn root_pk(&self) -> RootPk {
        RootPk(self.sign().public())
    }

    /// The secret that a host credential carries to manage the room's records.
    pub fn manage_secret(&self) -> ManageSecret {
        ManageSecret(*expand(&self.prk, "manage", &[]))
    }
}

impl ManageSecret {
    /// The manage key for one server. The secret is itself the pseudo-random key of this expansion.
    pub fn manage(&self, server: &ServerName) -> Signer {
        Signer::from_seed(&expand(&self.0, "manage", &server.lp()))
    }
}
