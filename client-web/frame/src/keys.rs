//! What the group hands over for one epoch. It holds the key from which all frame keys of that epoch come,
//! so it is wiped when dropped and cannot be formatted, compared or cloned.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A member's transport id as the leaf node carries it: the server knows the connection by it.
pub type TransportId = [u8; 16];

/// The frame keys of one epoch.
// SECURITY: no Debug, Clone or Serialize: a base key opens the media of every member of the epoch.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct EpochKeys {
    /// The group's epoch; its low 8 bits go into key ids.
    pub epoch: u64,
    /// MLS-Exporter("SFrame 1.0 Base Key", "", 16) of that epoch (RFC 9605 §5.2).
    pub base_key: [u8; 16],
    /// This member's own leaf index.
    pub own_leaf: u32,
    /// Every leaf of the epoch with the transport id that its leaf node carries. Own leaf included or not.
    pub leaves: Vec<(u32, TransportId)>,
}
