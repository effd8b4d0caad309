//! A certificate from an authority, by ACME over our own port 443 (TLS-ALPN-01): fetched at the first start, renewed when a third of its
//! life is left.
//!
//! No contact address is sent: an authority knows the name, and need not know a person. The account's key and the certificate with its
//! key lie in the data folder, readable by this user only; nothing else of the exchange is kept.
//!
//! A failure changes nothing but the time of the next try: whatever certificate is there stays in force.
//! SPEC: RFC 8555, RFC 8737.

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use instant_acme::{
    Account, AccountBuilder, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::{crypto::ring::sign::any_supported_type, pki_types::PrivatePkcs8KeyDer, sign::CertifiedKey};
use tokio::time;
use zeroize::Zeroizing;

use super::{Certificates, files::parse};
use crate::{ending::Ending, error::Error, limits, store::PrivateFolder};

/// Folder in the data folder.
const FOLDER: &str = "acme";
/// The account with its key, as the library writes it.
const ACCOUNT: &str = "account.json";
/// The chain, and behind it the key: one file, so that they are replaced together.
const CERTIFICATE: &str = "certificate.pem";

/// Who issues for whom, and where it is kept.
pub(super) struct Acme {
    pub(super) directory: String,
    /// Trusted for the directory instead of the system's roots.
    pub(super) root: Option<PathBuf>,
    pub(super) host: String,
    folder: PrivateFolder,
}

/// Why there is no new certificate. Words of an authority are not passed on: they may hold addresses.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the authority could not be reached or understood")]
    Exchange,
    #[error("the authority refused: {0}")]
    Refused(String),
    #[error("the authority offers no challenge over TLS")]
    NoChallenge,
    #[error("the authority could not reach this server by its name on port 443")]
    NotProven,
    #[error("it took too long")]
    Late,
    #[error("what the authority issued cannot be used: {0}")]
    Unusable(&'static str),
    #[error("the data folder cannot be written: {0}")]
    Folder(#[from] io::Error),
}

impl From<instant_acme::Error> for Fault {
    fn from(error: instant_acme::Error) -> Self {
        match error {
            // The kind alone (`urn:ietf:params:acme:error:rateLimited`), which is a fixed list.
            instant_acme::Error::Api(problem) => Self::Refused(problem.r#type.unwrap_or_default()),
            instant_acme::Error::Timeout(_) => Self::Late,
            _ => Self::Exchange,
        }
    }
}

impl Acme {
    /// Opens the folder, and takes the certificate that is there, if it is for this name.
    pub(super) fn open(
        directory: String,
        root: Option<PathBuf>,
        host: String,
        data_dir: &std::path::Path,
        certificates: &Certificates,
    ) -> Result<Self, Error> {
        let folder = PrivateFolder::open(data_dir.join(FOLDER))?;
        let acme = Self {
            directory,
            root,
            host,
            folder,
        };
        if let Some((pair, _)) = acme.stored() {
            certificates.replace(pair);
        }
        Ok(acme)
    }

    /// Keeps a good certificate in force until `ending`.
    pub(super) async fn keep(self, certificates: Arc<Certificates>, mut ending: Ending) -> Result<(), Error> {
        let mut failures = 0;
        loop {
            let wait = match self.stored() {
                _ if failures > 0 => retry_after(failures),
                Some((_, due)) => due.duration_since(SystemTime::now()).unwrap_or_default(),
                None => Duration::ZERO,
            };
            // In steps, because a clock that is set while we sleep must be noticed.
            let step = wait.min(limits::RENEWAL_LOOK);
            tokio::select! {
                () = ending.reached() => return Ok(()),
                () = time::sleep(step) => {}
            }
            if step < wait {
                continue;
            }
            let issued = tokio::select! {
                () = ending.reached() => return Ok(()),
                issued = time::timeout(limits::ACME_DEADLINE, self.issue(&certificates)) => issued.unwrap_or(Err(Fault::Late)),
            };
            certificates.prove(None);
            match issued {
                Ok(pair) => {
                    certificates.replace(pair);
                    failures = 0;
                    tracing::info!("a new certificate is in force");
                }
                Err(fault) => {
                    failures += 1;
                    tracing::warn!(%fault, "no new certificate; trying again later");
                }
            }
        }
    }

    /// The certificate in the folder and when to renew it.
    fn stored(&self) -> Option<(CertifiedKey, SystemTime)> {
        let text = self.folder.read(CERTIFICATE).ok()?;
        let pair = parse(&text, &text).ok()?;
        let due = renewal(pair.cert.first()?, &self.host)?;
        Some((pair, due))
    }

    /// The account that is there, or a new one. Another directory is another account.
    async fn account(&self) -> Result<Account, Fault> {
        if let Ok(text) = self.folder.read(ACCOUNT)
            && let Ok(stored) = serde_json::from_slice::<StoredAccount>(&text)
            && stored.directory == self.directory
        {
            return Ok(self.builder()?.from_credentials(stored.credentials).await?);
        }
        let new = NewAccount {
            contact: &[],
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let (account, credentials) = self.builder()?.create(&new, self.directory.clone(), None).await?;
        let stored = StoredAccount {
            directory: self.directory.clone(),
            credentials,
        };
        let text = Zeroizing::new(serde_json::to_vec(&stored).map_err(|_| Fault::Exchange)?);
        self.folder.replace(ACCOUNT, &text)?;
        Ok(account)
    }

    fn builder(&self) -> Result<AccountBuilder, Fault> {
        Ok(match &self.root {
            Some(root) => Account::builder_with_root(root)?,
            None => Account::builder()?,
        })
    }

    /// One order from beginning to end.
    async fn issue(&self, certificates: &Certificates) -> Result<CertifiedKey, Fault> {
        let account = self.account().await?;
        let identifiers = [Identifier::Dns(self.host.clone())];
        let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                _ => return Err(Fault::NotProven),
            }
            let mut challenge = authorization
                .challenge(ChallengeType::TlsAlpn01)
                .ok_or(Fault::NoChallenge)?;
            let proof = proof(&self.host, challenge.key_authorization().digest().as_ref())?;
            certificates.prove(Some(proof));
            challenge.set_ready().await?;
        }
        if order.poll_ready(&RetryPolicy::default()).await? != OrderStatus::Ready {
            return Err(Fault::NotProven);
        }
        let key = Zeroizing::new(order.finalize().await?);
        let chain = order.poll_certificate(&RetryPolicy::default()).await?;
        let pair = parse(chain.as_bytes(), key.as_bytes()).map_err(Fault::Unusable)?;
        let both = Zeroizing::new([chain.as_bytes(), key.as_bytes()].concat());
        self.folder.replace(CERTIFICATE, &both)?;
        Ok(pair)
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct StoredAccount {
    directory: String,
    credentials: AccountCredentials,
}

/// SPEC: RFC 8737 §3: self-signed, for the name alone, with the digest in a critical extension.
fn proof(host: &str, digest: &[u8]) -> Result<CertifiedKey, Fault> {
    let unusable = |_| Fault::Unusable("no proof for this name can be made");
    if digest.len() != 32 {
        return Err(Fault::Exchange);
    }
    let mut params = CertificateParams::new(vec![host.to_owned()]).map_err(unusable)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(unusable)?;
    let certificate = params.self_signed(&key).map_err(unusable)?;
    let signer = any_supported_type(&PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .map_err(|_| Fault::Unusable("no proof for this name can be made"))?;
    // Not by `parse`: whoever checks a certificate refuses this one, for its critical extension.
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signer))
}

/// When a third of the certificate's life is left; `None` if it is not for this name.
fn renewal(certificate: &[u8], host: &str) -> Option<SystemTime> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let names = parsed.subject_alternative_name().ok()??;
    let ours = |name: &x509_parser::extensions::GeneralName<'_>| matches!(name, x509_parser::extensions::GeneralName::DNSName(name) if name.eq_ignore_ascii_case(host));
    if !names.value.general_names.iter().any(ours) {
        return None;
    }
    let at = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).ok();
    let (from, until) = (at(parsed.validity().not_before)?, at(parsed.validity().not_after)?);
    let due = until.saturating_sub(until.saturating_sub(from) / 3);
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(due))
}

/// One minute, then twice as long each time, up to an hour: the largest authority counts five failures an hour.
fn retry_after(failures: u32) -> Duration {
    let minutes = 1_u64 << failures.saturating_sub(1).min(6);
    Duration::from_secs(60 * minutes.min(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
        let mut params = CertificateParams::new(vec!["Meet.example".to_owned()]).expect("parameters");
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 4, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let due = renewal(certificate.der(), "meet.example").expect("its own name");
        // 2026-03-02 is 60 of 90 days on.
        let expected = SystemTime::from(rcgen::date_time_ymd(2026, 3, 2));
        assert_eq!(due, expected);
        assert!(renewal(certificate.der(), "other.example").is_none());
        assert!(renewal(b"no certificate", "meet.example").is_none());
    }

    #[test]
    fn tries_grow_rarer_and_never_stop() {
        assert_eq!(retry_after(1), Duration::from_secs(60));
        assert_eq!(retry_after(3), Duration::from_secs(240));
        assert_eq!(retry_after(60), limits::RENEWAL_LOOK);
    }
}
