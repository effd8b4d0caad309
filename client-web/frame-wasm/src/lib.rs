//! The media worker's face of frame encryption. It converts types and nothing else: every decision is in
//! `conclave-frame`, whose rule of use holds here too: one [`MediaCrypto`] per group, and a new one only for a
//! new group.
//!
//! Errors do not throw: a frame that cannot be sealed or opened comes back as `undefined` and has to be
//! dropped; [`MediaCrypto::last_error`] names the reason.

use conclave_frame::{Codec, Counts, EpochError, EpochKeys, Kind, Receiver, Sender, TransportId};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroize;

/// Bytes of one entry in a list of leaves: u32 leaf index, big-endian, then the transport id.
const LEAF_ENTRY: usize = 20;

/// Seals this member's frames and opens the others'.
#[wasm_bindgen]
#[derive(Default)]
pub struct MediaCrypto {
    sender: Sender,
    receiver: Receiver,
    error: Option<&'static str>,
    last_leaf: u32,
    last_transport: TransportId,
    last_capture_ms: u32,
    last_key_frame: bool,
}

#[wasm_bindgen]
impl MediaCrypto {
    /// Without keys: every frame is refused until the first epoch is set.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the keys of a new epoch: for opening at once, for sealing at once or `switch_after_ms` later.
    ///
    /// `leaves` is a row of u32 big-endian leaf index and 16 bytes of transport id. The array `base_key` is
    /// wiped on the Rust side; whoever calls wipes theirs. Returns whether the epoch was taken.
    // Every argument is one field of the core's message; an object would have to be taken apart in JavaScript
    // types that the compiler cannot check.
    #[expect(
        clippy::too_many_arguments,
        reason = "the fields of one message, unchecked as an object"
    )]
    #[wasm_bindgen(js_name = setEpoch)]
    pub fn set_epoch(
        &mut self,
        epoch: u64,
        base_key: &[u8],
        own_leaf: u32,
        leaves: &[u8],
        drop_old_after_ms: u32,
        removed: &[u32],
        now: f64,
        switch_after_ms: Option<u32>,
    ) -> bool {
        let Some(keys) = epoch_keys(epoch, base_key, own_leaf, leaves) else {
            self.error = Some("epoch-malformed");
            return false;
        };
        let now_ms = to_ms(now);
        let taken = match switch_after_ms {
            None | Some(0) => self.sender.set_epoch(&keys),
            Some(wait) => self.sender.set_epoch_at(&keys, now_ms.saturating_add(u64::from(wait))),
        }
        .and_then(|()| self.receiver.add_epoch(now_ms, &keys, drop_old_after_ms, removed));
        self.error = taken.err().map(epoch_error);
        taken.is_ok()
    }

    /// Lets time pass: a waiting switch happens, keys of old epochs are wiped.
    #[wasm_bindgen(js_name = handleTime)]
    pub fn handle_time(&mut self, now: f64) {
        self.sender.handle_time(to_ms(now));
        self.receiver.handle_time(to_ms(now));
    }

    /// When `handleTime` wants to be called, on the clock of `now`; `undefined` if never.
    #[wasm_bindgen(js_name = timeout)]
    #[must_use]
    pub fn timeout(&self) -> Option<f64> {
        let times = [self.sender.poll_timeout(), self.receiver.poll_timeout()];
        // Milliseconds since the page was opened: far below 2^53.
        times.into_iter().flatten().min().map(|at| at as f64)
    }

    /// Falls silent, until `false` or the keys of a newer epoch come.
    pub fn hold(&mut self, hold: bool) {
        self.sender.hold(hold);
    }

    /// Seals one encoded frame; `undefined` means that it must be dropped.
    pub fn seal(&mut self, kind: u8, codec: u8, key: bool, capture_ms: u32, data: &[u8]) -> Option<Vec<u8>> {
        let (kind, codec) = self.kind_and_codec(kind, codec)?;
        let sealed = self.sender.seal(kind, codec, key, capture_ms, data);
        self.error = sealed.as_ref().err().map(|reason| reason.name());
        sealed.ok()
    }

    /// Opens one received frame; `undefined` means that it must be dropped.
    ///
    /// `expected` is one transport id of 16 bytes, or two during a switch.
    pub fn open(
        &mut self,
        now: f64,
        expected: &[u8],
        kind: u8,
        codec: u8,
        key_meta: bool,
        data: &[u8],
    ) -> Option<Vec<u8>> {
        let (kind, codec) = self.kind_and_codec(kind, codec)?;
        let (expected, rest) = expected.as_chunks::<16>();
        if !rest.is_empty() {
            self.error = Some("expected-malformed");
            return None;
        }
        match self.receiver.open(to_ms(now), expected, kind, codec, key_meta, data) {
            Ok(opened) => {
                self.error = None;
                self.last_leaf = opened.leaf;
                self.last_transport = opened.transport;
                self.last_capture_ms = opened.capture_ms;
                self.last_key_frame = opened.key_frame;
                Some(opened.media)
            }
            Err(reason) => {
                self.error = Some(reason.name());
                None
            }
        }
    }

    /// Why the last call was refused, as a stable name; `undefined` if it was not.
    #[wasm_bindgen(js_name = lastError)]
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.error.map(str::to_owned)
    }

    /// The leaf of the frame that was opened last.
    #[wasm_bindgen(js_name = lastLeaf)]
    #[must_use]
    pub fn last_leaf(&self) -> u32 {
        self.last_leaf
    }

    /// The transport id of the frame that was opened last.
    #[wasm_bindgen(js_name = lastTransport)]
    #[must_use]
    pub fn last_transport(&self) -> Vec<u8> {
        self.last_transport.to_vec()
    }

    /// The capture time of the frame that was opened last.
    #[wasm_bindgen(js_name = lastCaptureMs)]
    #[must_use]
    pub fn last_capture_ms(&self) -> u32 {
        self.last_capture_ms
    }

    /// Whether the sender's encoder called the frame that was opened last a key frame.
    #[wasm_bindgen(js_name = lastKeyFrame)]
    #[must_use]
    pub fn last_key_frame(&self) -> bool {
        self.last_key_frame
    }

    /// Totals as one row: sealed by kind (4), opened by kind (4), not sealed by reason (7), not opened by
    /// reason (15).
    #[must_use]
    pub fn counts(&self) -> Vec<u32> {
        let row = self.total().row();
        row.into_iter().map(|n| u32::try_from(n).unwrap_or(u32::MAX)).collect()
    }

    /// How many frames were not opened for a reason that an honest call does not have by itself.
    #[must_use]
    pub fn faults(&self) -> u32 {
        u32::try_from(self.total().faults()).unwrap_or(u32::MAX)
    }
}

impl MediaCrypto {
    fn total(&self) -> Counts {
        self.sender.counts().clone().plus(self.receiver.counts())
    }

    fn kind_and_codec(&mut self, kind: u8, codec: u8) -> Option<(Kind, Codec)> {
        let both = Kind::from_u8(kind).zip(Codec::from_u8(codec));
        if both.is_none() {
            self.error = Some("unknown-kind-or-codec");
        }
        both
    }
}

fn epoch_keys(epoch: u64, base_key: &[u8], own_leaf: u32, leaves: &[u8]) -> Option<EpochKeys> {
    let (leaves, rest) = leaves.as_chunks::<LEAF_ENTRY>();
    if !rest.is_empty() {
        return None;
    }
    let mut base_key: [u8; 16] = base_key.try_into().ok()?;
    let leaves = leaves.iter().filter_map(leaf_entry).collect();
    let keys = EpochKeys {
        epoch,
        base_key,
        own_leaf,
        leaves,
    };
    base_key.zeroize();
    Some(keys)
}

fn leaf_entry(entry: &[u8; LEAF_ENTRY]) -> Option<(u32, TransportId)> {
    let (leaf, transport) = entry.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*leaf), transport.try_into().ok()?))
}

fn epoch_error(error: EpochError) -> &'static str {
    match error {
        EpochError::Superseded => "epoch-superseded",
        EpochError::LeafOutOfRange => "epoch-leaf-out-of-range",
        EpochError::Derivation => "epoch-derivation",
    }
}

/// `performance.now()` as whole milliseconds; what is not a time counts as 0.
fn to_ms(now: f64) -> u64 {
    // A cast from a float saturates and turns NaN into 0.
    now as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves() -> Vec<u8> {
        let mut row = Vec::new();
        for leaf in 0..2u8 {
            row.extend_from_slice(&[0, 0, 0, leaf]);
            row.extend_from_slice(&[0xA0 + leaf; 16]);
        }
        row
    }

    fn member(leaf: u32) -> MediaCrypto {
        let mut member = MediaCrypto::new();
        assert!(member.set_epoch(3, &[7; 16], leaf, &leaves(), 2_000, &[], 1_000.5, None));
        member
    }

    #[test]
    fn a_frame_goes_from_one_to_the_other_with_its_facts() {
        let (mut alice, mut bob) = (member(0), member(1));
        let sealed = alice.seal(1, 1, true, 44, b"picture").unwrap();
        assert_eq!(bob.open(1_001.0, &[0xA0; 16], 1, 1, true, &sealed).unwrap(), b"picture");
        assert_eq!(
            (bob.last_leaf(), bob.last_transport(), bob.last_capture_ms()),
            (0, vec![0xA0; 16], 44)
        );
        assert!(bob.last_key_frame());
        assert_eq!(bob.last_error(), None);
        assert_eq!(alice.counts()[1], 1);
        assert_eq!(bob.counts()[5], 1);
        assert_eq!(bob.open(1_002.0, &[0xA0; 16], 1, 1, true, &sealed), None);
        assert_eq!(bob.last_error().as_deref(), Some("open-duplicate"));
        assert_eq!(bob.faults(), 0);
    }

    #[test]
    fn what_is_malformed_is_named() {
        let mut member = MediaCrypto::new();
        assert!(!member.set_epoch(1, &[7; 15], 0, &[], 0, &[], 0.0, None));
        assert!(!member.set_epoch(1, &[7; 16], 0, &[0; 19], 0, &[], 0.0, None));
        assert_eq!(member.last_error().as_deref(), Some("epoch-malformed"));
        assert_eq!(member.seal(9, 0, false, 0, b""), None);
        assert_eq!(member.last_error().as_deref(), Some("unknown-kind-or-codec"));
        assert_eq!(member.open(0.0, &[1; 17], 0, 0, false, b""), None);
        assert_eq!(member.last_error().as_deref(), Some("expected-malformed"));
        assert_eq!(member.seal(0, 0, false, 0, b"x"), None);
        assert_eq!(member.last_error().as_deref(), Some("seal-no-epoch"));
    }

    #[test]
    fn a_switch_can_wait_while_opening_does_not() {
        let (mut alice, mut bob) = (member(0), member(1));
        assert!(alice.set_epoch(4, &[8; 16], 0, &leaves(), 10_000, &[], 1_000.0, Some(300)));
        assert!(bob.set_epoch(4, &[8; 16], 1, &leaves(), 10_000, &[], 1_000.0, None));
        let late = alice.seal(0, 0, false, 0, b"old").unwrap();
        assert_eq!(alice.timeout(), Some(1_300.0));
        alice.handle_time(1_300.0);
        let new = alice.seal(0, 0, false, 0, b"new").unwrap();
        assert_eq!(bob.open(1_300.0, &[0xA0; 16], 0, 0, false, &new).unwrap(), b"new");
        assert_eq!(bob.open(1_301.0, &[0xA0; 16], 0, 0, false, &late).unwrap(), b"old");
        let early = bob.seal(0, 0, false, 0, b"x").unwrap();
        assert!(alice.open(1_301.0, &[0xA1; 16], 0, 0, false, &early).is_some());
    }
}
