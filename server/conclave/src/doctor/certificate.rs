//! The certificate that people's browsers will be shown: asked for as they ask, judged by the authorities that this machine trusts.

use std::{
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustls::{
    CertificateError, ClientConfig, ClientConnection, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

/// Debian's and others' list of public authorities, much the same as browsers have.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// For each step of a handshake.
const PATIENCE: Duration = Duration::from_secs(4);

/// What was seen; `None` is what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Days until its end; negative: it has ended.
    pub(super) days: Option<i64>,
    /// It is for the name, and of an authority that is trusted.
    pub(super) trusted: Option<bool>,
}

/// The authorities of this machine; `None` if it has no list.
pub(super) fn authorities() -> Option<RootCertStore> {
    let mut store = RootCertStore::empty();
    let all = CertificateDer::pem_file_iter(AUTHORITIES).ok()?;
    store.add_parsable_certificates(all.filter_map(Result::ok));
    (!store.is_empty()).then_some(store)
}

/// Shakes hands with whoever is at `address` under the name `host`.
pub(super) fn look(address: SocketAddr, host: &str, trusted: RootCertStore) -> Seen {
    handshake(address, host, trusted).unwrap_or_default()
}

fn handshake(address: SocketAddr, host: &str, trusted: RootCertStore) -> Option<Seen> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let mut connection = ClientConnection::new(Arc::new(config), name).ok()?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    // Bounded: each turn reads or writes at least once, and a handshake takes four.
    for _ in 0..32 {
        if !connection.is_handshaking() {
            break;
        }
        if let Err(error) = connection.complete_io(&mut stream) {
            return refused(error.get_ref()?.downcast_ref()?);
        }
    }
    let certificate = connection.peer_certificates()?.first()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let now = i64::try_from(UnixTime::now().as_secs()).ok()?;
    let left = certificate.validity().not_after.timestamp() - now;
    Some(Seen {
        days: Some(left.div_euclid(86_400)),
        trusted: Some(true),
    })
}

/// Why a certificate was not accepted; other faults say nothing about it.
fn refused(error: &rustls::Error) -> Option<Seen> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            Some(Seen {
                days: Some(-1),
                trusted: None,
            })
        }
        rustls::Error::InvalidCertificate(_) => Some(Seen {
            days: None,
            trusted: Some(false),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use rustls::{ServerConfig, ServerConnection, pki_types::PrivateKeyDer};

    use super::*;

    /// A server with a certificate of its own making, for one handshake; its address, and the certificate as an authority.
    fn served(name: &str, last_year: i32) -> (SocketAddr, RootCertStore) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        let certificate = params.self_signed(&key).expect("a certificate");
        let mut trusted = RootCertStore::empty();
        trusted.add(certificate.der().clone()).expect("an authority");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            )
            .expect("a pair");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut connection = ServerConnection::new(Arc::new(config)).expect("a connection");
            while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
        });
        (address, trusted)
    }

    #[test]
    fn a_good_certificate_says_how_long_it_is_good() {
        let (address, trusted) = served("meet.example", 2090);
        let seen = look(address, "meet.example", trusted);
        assert_eq!(seen.trusted, Some(true));
        assert!(seen.days.is_some_and(|days| days > 20_000), "{seen:?}");
    }

    #[test]
    fn one_for_another_name_of_nobody_or_past_its_end_is_told_apart() {
        let (address, trusted) = served("other.example", 2090);
        assert_eq!(look(address, "meet.example", trusted).trusted, Some(false));
        let (address, _) = served("meet.example", 2090);
        let (_, others) = served("meet.example", 2090);
        assert_eq!(look(address, "meet.example", others).trusted, Some(false));
        let (address, trusted) = served("meet.example", 2021);
        assert_eq!(look(address, "meet.example", trusted).days, Some(-1));
    }

    #[test]
    fn no_answer_is_no_judgement() {
        let (_, trusted) = served("meet.example", 2090);
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(look(nobody, "meet.example", trusted), Seen::default());
    }
}
