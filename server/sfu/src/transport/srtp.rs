//! SRTP and SRTCP with AEAD_AES_128_GCM over ring.
//!
//! Does not negotiate, does not know any other profile, keeps no packets. Opening authenticates before it remembers anything;
//! sealing refuses an index it has sealed before.
//!
//! SPEC: RFC 7714 (AEAD in SRTP), RFC 3711 §4.3 (key derivation), §3.3.1 (packet index).

use std::collections::HashMap;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rtc::crypto::{BlockCipherAlgorithm, RTCCrypto};
use zeroize::Zeroizing;

use crate::sequence::{Seen, Window, extend};

/// Length of the authentication tag, RFC 7714 §13.2.
pub(crate) const TAG: usize = 16;
const KEY: usize = 16;
const SALT: usize = 12;
/// What the DTLS exporter must give: two keys and two salts (RFC 5764 §4.2, RFC 7714 §12).
pub(crate) const KEYING_MATERIAL: usize = 2 * (KEY + SALT);

/// SSRCs of one peer that may hold state here. A browser with our offer uses 8 (four m-lines with repair) and as many again after
/// each replaced track; each costs 150 bytes.
const MAX_SSRCS: usize = 128;
/// SSRCs that one peer may be sent over the life of its keys: four times what the slots of the largest offer need, with repair. Only a
/// peer that offers ever new slots gets here; what it was sent must be remembered, so it gets nothing new instead.
const MAX_SEALED: usize = 1_024;
/// SRTCP indices are 31 bits (RFC 3711 §3.4).
const MAX_RTCP_INDEX: u32 = 0x7fff_ffff;
/// Marks SRTCP as encrypted.
const E_FLAG: u32 = 0x8000_0000;
/// RTCP's own header: the part of SRTCP that stays clear, before the index.
const RTCP_CLEAR: usize = 8;

/// Why a packet was not opened or sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SrtpFault {
    /// Too short, or lengths that do not fit.
    Malformed,
    /// The tag is wrong.
    Forged,
    /// Opened before, or too old to tell.
    Replayed,
    /// More SSRCs than one peer may have.
    TooManySources,
    /// Sealing this would use a nonce for the second time.
    NonceUsed,
    /// All indices of a key are used up.
    Exhausted,
}

struct SessionKey {
    key: LessSafeKey,
    salt: [u8; SALT],
}

impl SessionKey {
    fn derive(crypto: &dyn RTCCrypto, master: &[u8; KEY], salt: &[u8; SALT], labels: (u8, u8)) -> Option<Self> {
        let key = Zeroizing::new(prf_block(crypto, master, salt, labels.0)?);
        let salt_block = Zeroizing::new(prf_block(crypto, master, salt, labels.1)?);
        let unbound = UnboundKey::new(&AES_128_GCM, key.as_slice()).ok()?;
        Some(Self {
            key: LessSafeKey::new(unbound),
            salt: *salt_block.first_chunk::<SALT>()?,
        })
    }

    /// SPEC: RFC 7714 §8.1 and §9.1: zeros ‖ SSRC ‖ 48 bits of index, under the salt. For SRTP the index is ROC ‖ SEQ; for SRTCP it is
    /// 16 zero bits ‖ the 31-bit index.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut iv = [0u8; SALT];
        let index = index.to_be_bytes();
        let parts = [0, 0]
            .into_iter()
            .chain(ssrc.to_be_bytes())
            .chain(index.into_iter().skip(2));
        for ((to, from), salt) in iv.iter_mut().zip(parts).zip(self.salt) {
            *to = from ^ salt;
        }
        Nonce::assume_unique_for_key(iv)
    }
}

/// First block of AES-CM under the master key for one label. Both keys and salts need at most one block.
fn prf_block(crypto: &dyn RTCCrypto, master: &[u8; KEY], salt: &[u8; SALT], label: u8) -> Option<[u8; 16]> {
    // The 96-bit salt stands left in the 112-bit one (RFC 7714 §11); the label's place is byte 7; the low 16 bits count blocks.
    let mut block = [0u8; 16];
    for (to, from) in block.iter_mut().zip(salt) {
        *to = *from;
    }
    if let Some(byte) = block.get_mut(7) {
        *byte ^= label;
    }
    crypto
        .block_encrypt(BlockCipherAlgorithm::Aes128, master, &mut block)
        .ok()?;
    Some(block)
}

struct DirectionKeys {
    rtp: SessionKey,
    rtcp: SessionKey,
}

impl DirectionKeys {
    fn derive(crypto: &dyn RTCCrypto, master: &[u8; KEY], salt: &[u8; SALT]) -> Option<Self> {
        Some(Self {
            rtp: SessionKey::derive(crypto, master, salt, (0, 2))?,
            rtcp: SessionKey::derive(crypto, master, salt, (3, 5))?,
        })
    }
}

/// Both directions from the DTLS exporter's output, as the DTLS server.
pub(crate) fn from_keying_material(crypto: &dyn RTCCrypto, material: &[u8]) -> Option<(Opener, Sealer)> {
    if material.len() != KEYING_MATERIAL {
        return None;
    }
    let (client_key, rest) = material.split_first_chunk::<KEY>()?;
    let (server_key, rest) = rest.split_first_chunk::<KEY>()?;
    let (client_salt, rest) = rest.split_first_chunk::<SALT>()?;
    let (server_salt, _) = rest.split_first_chunk::<SALT>()?;
    let opener = Opener::new(DirectionKeys::derive(crypto, client_key, client_salt)?);
    let sealer = Sealer::new(DirectionKeys::derive(crypto, server_key, server_salt)?);
    Some((opener, sealer))
}

/// Takes SRTP off what a peer sends.
pub(crate) struct Opener {
    keys: DirectionKeys,
    rtp: HashMap<u32, Window>,
    rtcp: HashMap<u32, Window>,
}

impl Opener {
    fn new(keys: DirectionKeys) -> Self {
        Self {
            keys,
            rtp: HashMap::new(),
            rtcp: HashMap::new(),
        }
    }

    /// Opens an RTP packet whose header ends at `header_len`; returns its 48-bit index and its payload, padding included.
    ///
    /// SECURITY: state for an SSRC comes into being after authentication only, so forged packets cost no memory.
    pub(crate) fn open_rtp(
        &mut self,
        packet: &[u8],
        header_len: usize,
        ssrc: u32,
        sequence: u16,
    ) -> Result<(u64, Vec<u8>), SrtpFault> {
        let (header, sealed) = packet.split_at_checked(header_len).ok_or(SrtpFault::Malformed)?;
        if sealed.len() < TAG {
            return Err(SrtpFault::Malformed);
        }
        let window = self.rtp.get(&ssrc);
        if window.is_none() && self.rtp.len() >= MAX_SSRCS {
            return Err(SrtpFault::TooManySources);
        }
        let highest = window.and_then(Window::highest);
        let index = highest.map_or(u64::from(sequence), |highest| extend(highest, sequence));
        if window.is_some_and(|window| window.check(index) != Seen::Fresh) {
            return Err(SrtpFault::Replayed);
        }
        let mut payload = sealed.to_vec();
        let nonce = self.keys.rtp.nonce(ssrc, index);
        let opened = self.keys.rtp.key.open_in_place(nonce, Aad::from(header), &mut payload);
        let length = opened.map_err(|_| SrtpFault::Forged)?.len();
        payload.truncate(length);
        self.rtp.entry(ssrc).or_default().record(index);
        Ok((index, payload))
    }

    /// Opens a (compound) RTCP packet; returns it in clear, header included.
    pub(crate) fn open_rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, SrtpFault> {
        let (body, esrtcp) = packet.split_last_chunk::<4>().ok_or(SrtpFault::Malformed)?;
        let (clear, sealed) = body.split_at_checked(RTCP_CLEAR).ok_or(SrtpFault::Malformed)?;
        let ssrc = clear
            .last_chunk::<4>()
            .map(|bytes| u32::from_be_bytes(*bytes))
            .ok_or(SrtpFault::Malformed)?;
        let word = u32::from_be_bytes(*esrtcp);
        // SECURITY: RFC 7714 allows unencrypted, authenticated SRTCP (E = 0). Nobody we speak to sends it: refuse.
        if word & E_FLAG == 0 || sealed.len() < TAG {
            return Err(SrtpFault::Malformed);
        }
        let index = u64::from(word & MAX_RTCP_INDEX);
        let window = self.rtcp.get(&ssrc);
        if window.is_none() && self.rtcp.len() >= MAX_SSRCS {
            return Err(SrtpFault::TooManySources);
        }
        if window.is_some_and(|window| window.check(index) != Seen::Fresh) {
            return Err(SrtpFault::Replayed);
        }
        let mut aad = Vec::with_capacity(RTCP_CLEAR + 4);
        aad.extend_from_slice(clear);
        aad.extend_from_slice(esrtcp);
        let mut plain = body.to_vec();
        let nonce = self.keys.rtcp.nonce(ssrc, index);
        let opened = self
            .keys
            .rtcp
            .key
            .open_within(nonce, Aad::from(&aad), &mut plain, RTCP_CLEAR..);
        let length = opened.map_err(|_| SrtpFault::Forged)?.len();
        // `open_within` moved the plain text to the front; put the clear header before it again.
        plain.truncate(length);
        let mut out = Vec::with_capacity(RTCP_CLEAR + length);
        out.extend_from_slice(clear);
        out.extend_from_slice(&plain);
        self.rtcp.entry(ssrc).or_default().record(index);
        Ok(out)
    }
}

/// Puts SRTP on what a peer is sent.
pub(crate) struct Sealer {
    keys: DirectionKeys,
    sealed: HashMap<u32, Window>,
    rtcp_index: u32,
}

impl Sealer {
    fn new(keys: DirectionKeys) -> Self {
        Self {
            keys,
            sealed: HashMap::new(),
            rtcp_index: 0,
        }
    }

    /// Seals an RTP packet in place; `index` is its sequence number extended to 48 bits.
    ///
    /// INVARIANT: each (SSRC, index) is sealed at most once. GCM under a repeated nonce gives away the authentication key, so this
    /// does not rely on callers: what was sealed, or is too old to know, is refused. A retransmission travels on its repair SSRC.
    pub(crate) fn seal_rtp(
        &mut self,
        packet: &mut Vec<u8>,
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<(), SrtpFault> {
        if index >> 48 != 0 {
            return Err(SrtpFault::Exhausted);
        }
        let (header, payload) = packet.split_at_mut_checked(header_len).ok_or(SrtpFault::Malformed)?;
        // SECURITY: a window that was forgotten would let its nonces be used again, so none ever is.
        if self.sealed.len() >= MAX_SEALED && !self.sealed.contains_key(&ssrc) {
            return Err(SrtpFault::TooManySources);
        }
        if self.sealed.entry(ssrc).or_default().record(index) != Seen::Fresh {
            return Err(SrtpFault::NonceUsed);
        }
        let nonce = self.keys.rtp.nonce(ssrc, index);
        let sealed = self
            .keys
            .rtp
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(&*header), payload);
        let tag = sealed.map_err(|_| SrtpFault::Malformed)?;
        packet.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Seals a (compound) RTCP packet in place.
    ///
    /// One index for all SSRCs: it only has to be unique per SSRC, and one counter is.
    pub(crate) fn seal_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpFault> {
        if self.rtcp_index >= MAX_RTCP_INDEX {
            return Err(SrtpFault::Exhausted);
        }
        let (clear, body) = packet.split_at_mut_checked(RTCP_CLEAR).ok_or(SrtpFault::Malformed)?;
        let ssrc = clear
            .last_chunk::<4>()
            .map(|bytes| u32::from_be_bytes(*bytes))
            .ok_or(SrtpFault::Malformed)?;
        self.rtcp_index += 1;
        let esrtcp = (self.rtcp_index | E_FLAG).to_be_bytes();
        let mut aad = Vec::with_capacity(RTCP_CLEAR + 4);
        aad.extend_from_slice(clear);
        aad.extend_from_slice(&esrtcp);
        let nonce = self.keys.rtcp.nonce(ssrc, u64::from(self.rtcp_index));
        let sealed = self
            .keys
            .rtcp
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(&aad), body);
        let tag = sealed.map_err(|_| SrtpFault::Malformed)?;
        packet.extend_from_slice(tag.as_ref());
        packet.extend_from_slice(&esrtcp);
        Ok(())
    }
}

#[cfg(test)]
#[path = "srtp_tests.rs"]
mod tests;
