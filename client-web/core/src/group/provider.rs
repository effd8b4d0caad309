//! The cryptography that the MLS library is given: RustCrypto for primitives and randomness, our own memory for keys.
//!
//! Does not implement any primitive. Randomness comes from the operating system (in a browser, from its `crypto`).

use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;

use super::storage::KeyStore;

#[derive(Default)]
pub(super) struct Provider {
    crypto: RustCrypto,
    storage: KeyStore,
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = RustCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = KeyStore;

    fn storage(&self) -> &Self::StorageProvider {
        &self.storage
    }

    fn crypto(&self) -> &Self::CryptoProvider {
        &self.crypto
    }

    fn rand(&self) -> &Self::RandProvider {
        &self.crypto
    }
}
