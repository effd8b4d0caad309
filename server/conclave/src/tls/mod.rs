//! TLS of the public port: one certificate at a time, swapped whole while connections go on.
//!
//! It does not accept connections (`edge` does) and knows nothing of what is inside them. Where certificates come from is
//! in the files beside this one. Renewal drops nobody: a connection keeps the keys of its own handshake.
//!
//! No resumption of any kind: a session ticket is a name by which a browser that comes back can be known.
//! SPEC: RFC 8446; RFC 8737 for `acme-tls/1`.

mod acme;
mod files;

use std::{
    fmt,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    crypto::ring,
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
};

use tokio_rustls::TlsAcceptor;

use self::{acme::Acme, files::CertificateFiles};
use crate::{config, ending::Ending, error::Error};

/// What a browser speaks behind TLS. HTTP/2 would bring nothing: one page load, then one WebSocket.
const HTTP: &[u8] = b"http/1.1";

/// What an authority speaks that checks a challenge (RFC 8737). Nothing is said in it: the handshake is the answer.
const CHALLENGE: &[u8] = b"acme-tls/1";

/// The certificate of this server: what handshakes take, and what renewal replaces.
#[derive(Default)]
struct Certificates {
    current: RwLock<Option<Arc<CertifiedKey>>>,
    /// What an authority is shown that asks whether the name leads here.
    proof: RwLock<Option<Arc<CertifiedKey>>>,
}

impl Certificates {
    /// From the next handshake on this one is used.
    fn replace(&self, certificate: CertifiedKey) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(certificate));
    }

    /// Answers an authority's challenge, or no longer.
    fn prove(&self, proof: Option<CertifiedKey>) {
        *self.proof.write().unwrap_or_else(PoisonError::into_inner) = proof.map(Arc::new);
    }

    fn current(&self) -> Option<Arc<CertifiedKey>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Required by rustls. Says nothing: certificates carry the server's name.
impl fmt::Debug for Certificates {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Certificates")
    }
}

impl ResolvesServerCert for Certificates {
    /// The same certificate for every name, as web servers do that know only one: whoever asks for another name learns it from
    /// the page's status, not from a handshake of a special kind.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // SPEC: RFC 8737 §3: the challenge's protocol, and only that.
        let mut protocols = hello.alpn().into_iter().flatten();
        if protocols.next() == Some(CHALLENGE) && protocols.next().is_none() {
            return self.proof.read().unwrap_or_else(PoisonError::into_inner).clone();
        }
        self.current()
    }
}

/// The certificate and whoever keeps it fresh.
pub(crate) struct Tls {
    certificates: Arc<Certificates>,
    source: Source,
}

enum Source {
    Files(CertificateFiles),
    Acme(Acme),
}

impl Tls {
    /// Finds the certificate, as far as that can be done before the port is open.
    pub(crate) fn open(source: &config::Certificates, host: &str, data_dir: &Path) -> Result<Self, Error> {
        let certificates = Arc::new(Certificates::default());
        let source = match source {
            config::Certificates::Files { certificate, key } => {
                let files = CertificateFiles {
                    certificate: certificate.clone(),
                    key: key.clone(),
                };
                certificates.replace(files.load()?);
                Source::Files(files)
            }
            config::Certificates::Acme { directory, root } => {
                let host = host.to_owned();
                let acme = Acme::open(directory.clone(), root.clone(), host, data_dir, &certificates)?;
                Source::Acme(acme)
            }
        };
        Ok(Self { certificates, source })
    }

    /// Does handshakes with whatever certificate is in force.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, Error> {
        let challenged = matches!(self.source, Source::Acme(_));
        Ok(TlsAcceptor::from(server_config(
            Arc::clone(&self.certificates),
            challenged,
        )?))
    }

    /// Keeps the certificate fresh until `ending`.
    pub(crate) async fn keep(self, ending: Ending) -> Result<(), Error> {
        match self.source {
            Source::Files(files) => files::watch(files, self.certificates, ending).await,
            Source::Acme(acme) => acme.keep(self.certificates, ending).await,
        }
    }
}

/// Whether a connection was an authority's question, which the handshake has answered.
pub(crate) fn was_challenge(protocol: Option<&[u8]>) -> bool {
    protocol == Some(CHALLENGE)
}

/// The settings of every handshake.
fn server_config(certificates: Arc<Certificates>, challenged: bool) -> Result<Arc<ServerConfig>, Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::TaskFailed("tls"))?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![HTTP.to_vec()];
    if challenged {
        config.alpn_protocols.push(CHALLENGE.to_vec());
    }
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
