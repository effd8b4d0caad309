//! The server's certificate, and the DTLS parameters that all associations share.

use std::sync::Arc;
use std::time::Duration;

use rtc::crypto::{self, RTCCryptoProvider};
use rtc::dtls::cipher_suite::CipherSuiteId;
use rtc::dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc::dtls::crypto::Certificate;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use crate::error::SfuError;

/// The library's own timer, made to never fire: one mechanism, ours.
const NEVER: Duration = Duration::from_secs(24 * 3_600);
/// The server's certificate and what else all associations share.
#[derive(Clone)]
pub struct DtlsIdentity {
    config: Arc<HandshakeConfig>,
    provider: Arc<dyn RTCCryptoProvider>,
    fingerprint: [u8; 32],
}

impl DtlsIdentity {
    /// Makes a fresh self-signed P-256 certificate; takes randomness from the system.
    pub fn generate() -> Result<Self, SfuError> {
        let provider = crypto::default_provider().map_err(|_| SfuError::NoProvider)?;
        // A name is required and means nothing: members check the fingerprint, which reaches them through the server's own TLS.
        let certificate = Certificate::generate_self_signed(vec!["media".to_owned()], provider.crypto())
            .map_err(|_| SfuError::Certificate)?;
        let der = certificate.certificate.first().ok_or(SfuError::Certificate)?;
        let fingerprint = sha256(der.as_ref());
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider.clone())
            .with_certificates(vec![certificate])
            .with_cipher_suites(vec![
                CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
                CipherSuiteId::Tls_Ecdhe_Ecdsa_With_ChaCha20_Poly1305_Sha256,
            ])
            // One profile: the library would otherwise follow the client's order, and Chromium's begins with AES-CM.
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            // SECURITY: no CA vouches for a browser's certificate. `Dtls::finish` compares it with the offer instead.
            .with_insecure_skip_verify(true)
            .with_flight_interval(NEVER)
            .build(false, None)
            .map_err(|_| SfuError::DtlsConfig)?;
        Ok(Self {
            config: Arc::new(config),
            provider,
            fingerprint,
        })
    }

    /// SHA-256 of the certificate, as it stands in answers.
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    pub(super) fn config(&self) -> Arc<HandshakeConfig> {
        self.config.clone()
    }

    pub(crate) fn provider(&self) -> &Arc<dyn RTCCryptoProvider> {
        &self.provider
    }
}

/// A certificate's fingerprint.
pub(super) fn sha256(data: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, data);
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    out
}
