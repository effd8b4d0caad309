//! Unpredictable numbers from one seed, so that the state machine reads no source of randomness itself and a simulation
//! with the same seed repeats exactly. Not for keys: DTLS takes its own randomness from ring.
//!
//! HMAC-SHA-256 of a counter under the seed: a PRF in counter mode (NIST SP 800-108 §4.1).

use ring::hmac;

pub(crate) struct Entropy {
    key: hmac::Key,
    counter: u64,
}

impl Entropy {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, seed),
            counter: 0,
        }
    }

    fn block(&mut self) -> [u8; 32] {
        self.counter += 1;
        let tag = hmac::sign(&self.key, &self.counter.to_be_bytes());
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        out
    }

    pub(crate) fn u32(&mut self) -> u32 {
        let [a, b, c, d, ..] = self.block();
        u32::from_be_bytes([a, b, c, d])
    }

    pub(crate) fn u64(&mut self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.block();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// `len` ≤ 32 characters of the ICE alphabet, six bits each (RFC 8839 §5.4: at least 24 bits in the fragment, 128 in the
    /// password).
    pub(crate) fn ice_chars(&mut self, len: usize) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let block = self.block();
        let picks = block
            .iter()
            .take(len)
            .map(|byte| ALPHABET.get(usize::from(byte & 63)).copied().unwrap_or(b'A'));
        picks.map(char::from).collect()
    }
}
