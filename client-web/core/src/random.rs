//! The member's own randomness: a ChaCha20 generator over the seed that the caller gave.
//!
//! Does not serve the MLS library, which draws from the operating system itself. Rule of use: one seed, one member, never twice.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use zeroize::Zeroizing;

/// Draws identifiers, nonces and key seeds.
pub(crate) struct Random(ChaCha20Rng);

impl Random {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(*seed))
    }

    /// `N` fresh bytes that are not secret (ids, nonces).
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill_bytes(&mut out);
        out
    }

    /// `N` fresh secret bytes.
    pub(crate) fn secret<const N: usize>(&mut self) -> Zeroizing<[u8; N]> {
        let mut out = Zeroizing::new([0; N]);
        self.0.fill_bytes(out.as_mut());
        out
    }

    /// A number in `0..bound`, for spreading retries; the slight bias does not matter there.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0.next_u64() % bound }
    }
}
