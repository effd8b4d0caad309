//! Everything that is derived from an epoch's exporter: the media key, the lobby's key pair, the safety number, the committers' order.
//!
//! Does not hand any of it to the server. Labels are fixed by protocol.md. The gate's key stands in `gate`.

use argon2::{Algorithm, Argon2, Params, Version};
use openmls::prelude::OpenMlsProvider as _;
use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::types::{HpkeCiphertext, HpkePrivateKey};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use super::{Group, Keyring, SUITE};
use crate::error::CoreError;

/// Argon2id memory, KiB: 19 MiB with two passes (OWASP's floor). COST: about 20 ms natively, 60 ms in a browser, once per showing.
const SAFETY_MEMORY_KIB: u32 = 19 * 1024;
/// See [`SAFETY_MEMORY_KIB`].
const SAFETY_PASSES: u32 = 2;

/// The key pair that newcomers seal their knocks to, of one epoch.
pub(crate) struct LobbyKey {
    /// What the call card shows.
    pub(crate) public: Vec<u8>,
    private: HpkePrivateKey,
}

/// What the safety number is computed from.
pub(crate) struct SafetySecret {
    secret: Zeroizing<[u8; 32]>,
    salt: [u8; 16],
}

impl Group {
    pub(super) fn export<const N: usize>(&self, label: &str) -> Result<Zeroizing<[u8; N]>, CoreError> {
        let secret = Zeroizing::new(
            self.mls()
                .export_secret(self.keyring.provider.crypto(), label, &[], N)
                .map_err(|_| CoreError::NoGroup)?,
        );
        let mut out = Zeroizing::new([0; N]);
        if secret.len() != N {
            return Err(CoreError::Library);
        }
        out.copy_from_slice(&secret);
        Ok(out)
    }

    /// SFrame's base key of this epoch. SPEC: RFC 9605 §5.2.
    pub(crate) fn media_key(&self) -> Result<Zeroizing<[u8; 16]>, CoreError> {
        self.export("SFrame 1.0 Base Key")
    }

    /// What seals the orders of the commit that ends this epoch.
    pub(super) fn orders_key(&self) -> Result<Zeroizing<[u8; 32]>, CoreError> {
        self.export("conclave v1 orders")
    }

    /// The lobby's key pair of this epoch.
    pub(crate) fn lobby_key(&self) -> Result<LobbyKey, CoreError> {
        let seed = self.export::<32>("conclave v1 lobby")?;
        self.keyring.derive_lobby(&seed)
    }

    /// What [`safety_digits`] needs.
    pub(crate) fn safety_secret(&self) -> Result<SafetySecret, CoreError> {
        let digest = Sha256::digest(self.mls().group_id().as_slice());
        let mut salt = [0; 16];
        salt.copy_from_slice(digest.get(..16).ok_or(CoreError::Library)?);
        Ok(SafetySecret {
            secret: self.export("conclave v1 safety number")?,
            salt,
        })
    }

    /// A member's place in the committers' order of this epoch: SHA-256(epoch authenticator ‖ member id), smallest first.
    pub(crate) fn committer_rank(&self, member: &conclave_protocol::ids::MemberId) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.mls().epoch_authenticator().as_slice());
        hash.update(member.as_bytes());
        hash.finalize().into()
    }

    /// Eight bytes that two members share only if they are in the same epoch of the same history.
    pub(crate) fn epoch_digest(&self) -> [u8; 8] {
        let mut hash = Sha256::new();
        hash.update(b"conclave v1 beacon");
        hash.update(self.mls().epoch_authenticator().as_slice());
        let digest: [u8; 32] = hash.finalize().into();
        let mut out = [0; 8];
        for (o, d) in out.iter_mut().zip(digest) {
            *o = d;
        }
        out
    }
}

impl Keyring {
    /// DeriveKeyPair of the suite's KEM over the exported secret. SPEC: RFC 9180 §7.1.3.
    pub(super) fn derive_lobby(&self, seed: &[u8; 32]) -> Result<LobbyKey, CoreError> {
        let pair = self
            .provider
            .crypto()
            .derive_hpke_keypair(SUITE.hpke_config(), seed)
            .map_err(|_| CoreError::Library)?;
        Ok(LobbyKey {
            public: pair.public,
            private: pair.private,
        })
    }

    /// Seals to a card's key; gives the KEM output and the cipher text.
    pub(crate) fn seal_to_lobby(
        &self,
        public: &[u8],
        info: &[u8],
        plaintext: &[u8],
    ) -> Result<(Vec<u8>, Vec<u8>), CoreError> {
        let sealed = self
            .provider
            .crypto()
            .hpke_seal(SUITE.hpke_config(), public, info, &[], plaintext)
            .map_err(|_| CoreError::NotAuthentic)?;
        Ok((
            sealed.kem_output.as_slice().to_vec(),
            sealed.ciphertext.as_slice().to_vec(),
        ))
    }

    /// Opens what was sealed to one of our lobby keys.
    pub(crate) fn open_at_lobby(
        &self,
        key: &LobbyKey,
        info: &[u8],
        kem_output: &[u8],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, CoreError> {
        let input = HpkeCiphertext {
            kem_output: kem_output.into(),
            ciphertext: ciphertext.into(),
        };
        self.provider
            .crypto()
            .hpke_open(SUITE.hpke_config(), &input, &key.private, info, &[])
            .map_err(|_| CoreError::NotAuthentic)
    }
}

/// Twenty digits in four groups: Argon2id(19 MiB, t = 2, p = 1, version 1.3) as an integer mod 10^20. SPEC: protocol.md §3.
///
/// COST: slow on purpose; called only when somebody looks.
pub(crate) fn safety_digits(secret: &SafetySecret) -> Result<String, CoreError> {
    let params = Params::new(SAFETY_MEMORY_KIB, SAFETY_PASSES, 1, Some(16)).map_err(|_| CoreError::Library)?;
    let mut out = [0u8; 16];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(secret.secret.as_ref(), &secret.salt, &mut out)
        .map_err(|_| CoreError::Library)?;
    let digits = twenty_digits(&out);
    out.zeroize();
    Ok(digits)
}

/// Sixteen bytes as an integer mod 10^20, zero-padded, in groups of five.
pub(crate) fn twenty_digits(bytes: &[u8; 16]) -> String {
    let number = u128::from_be_bytes(*bytes) % 10u128.pow(20);
    let digits = format!("{number:020}");
    let mut out = String::with_capacity(23);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && i % 5 == 0 {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
impl SafetySecret {
    pub(crate) fn for_vector(secret: [u8; 32], group_id: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(group_id).into();
        let mut salt = [0; 16];
        salt.copy_from_slice(&digest[..16]);
        Self {
            secret: Zeroizing::new(secret),
            salt,
        }
    }
}
