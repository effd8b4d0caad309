//! Certificate and key from files that somebody else renews (certbot, lego, a company's own tool).
//!
//! Read at start, then again on SIGHUP and when a file changes. A pair that cannot be used leaves the old one in force: a
//! renewal that is half written must not end the service.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time,
};

use super::Certificates;
use crate::{ending::Ending, error::Error, limits};

/// Where the operator keeps the pair.
#[derive(Clone)]
pub(crate) struct CertificateFiles {
    /// The chain, our own certificate first, PEM.
    pub(crate) certificate: PathBuf,
    /// The private key, PEM.
    pub(crate) key: PathBuf,
}

/// When the two files were last written, as far as the system says so.
type Written = [Option<SystemTime>; 2];

impl CertificateFiles {
    /// Reads the pair and checks that key and certificate belong together.
    pub(crate) fn load(&self) -> Result<CertifiedKey, Error> {
        parse(&read(&self.certificate)?, &read(&self.key)?).map_err(|reason| Error::Certificate {
            path: self.certificate.clone(),
            reason,
        })
    }

    fn written(&self) -> Written {
        [&self.certificate, &self.key].map(|path| fs::metadata(path).and_then(|data| data.modified()).ok())
    }
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
    fs::read(path)
        .map(zeroize::Zeroizing::new)
        .map_err(|source| Error::CertificateFile {
            path: path.to_owned(),
            source,
        })
}

/// Makes a usable pair of two PEM texts, or says what is wrong with them.
pub(crate) fn parse(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, &'static str> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|_| "it is not PEM")?;
    if chain.is_empty() {
        return Err("it holds no certificate");
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| "the key file holds no private key")?;
    let key = any_supported_type(&key).map_err(|_| "the private key is of a kind that is not supported")?;
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        Ok(()) => Ok(pair),
        Err(_) => Err("certificate and key do not belong together"),
    }
}

/// Reads the pair again on SIGHUP and when a file has changed, until `ending`.
pub(crate) async fn watch(
    files: CertificateFiles,
    certificates: Arc<Certificates>,
    mut ending: Ending,
) -> Result<(), Error> {
    let mut hangup = signal(SignalKind::hangup()).map_err(|source: io::Error| Error::Local {
        what: "cannot listen for signals",
        source,
    })?;
    let mut seen = files.written();
    loop {
        let asked = tokio::select! {
            () = ending.reached() => return Ok(()),
            _ = hangup.recv() => true,
            () = time::sleep(limits::CERTIFICATE_LOOK) => false,
        };
        let written = files.written();
        if !asked && written == seen {
            continue;
        }
        seen = written;
        let read = files.clone();
        // Files may lie on a slow disk; handshakes go on meanwhile.
        match tokio::task::spawn_blocking(move || read.load()).await {
            Ok(Ok(pair)) => {
                certificates.replace(pair);
                tracing::info!("the certificate was read again");
            }
            Ok(Err(error)) => tracing::warn!(%error, "the certificate could not be read again; the old one stays"),
            Err(_) => return Err(Error::TaskFailed("tls")),
        }
    }
}
