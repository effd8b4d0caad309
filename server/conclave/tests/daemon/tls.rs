//! TLS with certificates from files: what is served, what a new certificate changes, and what a stranger finds at the port.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use conclave::{
    Config, Server,
    config::{Certificates, Transport},
    manager::Sockets,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::harness::{Client, Folder, NAME, PATIENCE, Running, config, parse, upgrade_request};

/// The host of [`NAME`].
pub const HOST: &str = "localhost";

/// An authority of the test's own, and the pair of files that it issues.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: Folder,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let folder = Folder::new();
        fs::create_dir_all(&folder.0).expect("a folder");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate"),
            folder,
        }
    }

    fn certificate(&self) -> PathBuf {
        self.folder.0.join("chain.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.0.join("key.pem")
    }

    /// Writes a fresh pair; the certificate as it will be shown.
    pub fn issue(&self) -> CertificateDer<'static> {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![HOST.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        fs::write(self.key(), key.serialize_pem()).expect("a file");
        fs::write(self.certificate(), certificate.pem()).expect("a file");
        certificate.der().clone()
    }

    /// A configuration that serves the pair.
    pub fn config(&self, data: &Path) -> Config {
        Config {
            transport: Transport::Tls(Certificates::Files {
                certificate: self.certificate(),
                key: self.key(),
            }),
            ..config(data)
        }
    }

    /// A server with a pair of this authority.
    pub async fn server(&self) -> Running {
        self.issue();
        let folder = Folder::new();
        Running::start_with(self.config(&folder.0), folder, None).await
    }

    /// A TLS connection as a browser makes it, that trusts this authority and asks for `host` by SNI, or for nobody.
    pub async fn connect(&self, server: &Running, sni: bool) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a root");
        let mut client = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.enable_sni = sni;
        let stream = TcpStream::connect(server.http).await.expect("the port is open");
        let name = ServerName::try_from(HOST).expect("a name");
        timeout(PATIENCE, TlsConnector::from(Arc::new(client)).connect(name, stream))
            .await
            .expect("a handshake in time")
            .expect("a handshake")
    }

    /// A socket over TLS.
    pub async fn client(&self, server: &Running) -> Client {
        let stream = self.connect(server, true).await;
        Client::connect_over(Box::new(stream), upgrade_request())
            .await
            .unwrap_or_else(|status| panic!("refused with {status}"))
    }
}

/// Sends bytes and reads to the end.
pub async fn exchange(mut stream: TlsStream<TcpStream>, request: &[u8]) -> Vec<u8> {
    let _ = stream.write_all(request).await;
    let _ = stream.flush().await;
    let mut answer = Vec::new();
    // An end without a farewell is an end too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("an end");
    answer
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let chain = stream.get_ref().1.peer_certificates().expect("a certificate");
    chain.first().expect("one").clone().into_owned()
}

/// Port 80 as the service manager hands it over: everything there leads to HTTPS, and nothing is served.
#[tokio::test(flavor = "multi_thread")]
async fn plain_http_only_sends_people_on() {
    let authority = Authority::new();
    authority.issue();
    let folder = Folder::new();
    let plain = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = plain.local_addr().expect("its address");
    let handed_over = Sockets {
        http: vec![plain],
        ..Sockets::default()
    };
    let server = Server::bind_with(authority.config(&folder.0), handed_over)
        .await
        .expect("the server binds");
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(server.run(async { drop(stopped.await) }));

    let mut stream = TcpStream::connect(address).await.expect("the port is open");
    let request = b"GET /v1/socket HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    let mut answer = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    read.expect("an end").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    let location = format!("location: https://{NAME}/v1/socket\r\n");
    assert!(answer.contains(&location), "{answer}");

    drop(stop);
    task.await.expect("no panic").expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_socket_are_served_over_tls() {
    let authority = Authority::new();
    let server = authority.server().await;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    let (status, headers, body) = parse(&exchange(authority.connect(&server, true).await, request.as_bytes()).await);
    assert_eq!((status, body.as_slice()), (200, &b"ok\n"[..]));
    assert!(headers.contains_key("content-security-policy"));
    let mut client = authority.client(&server).await;
    assert!(client.next().await.is_ok(), "a challenge");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_and_drops_nobody() {
    let authority = Authority::new();
    let server = authority.server().await;
    let (_, room) = server.room().await;
    let first = shown(&authority.connect(&server, true).await);
    let mut member = authority.client(&server).await;
    member.enter(&server, &room).await;

    let second = authority.issue();
    assert!(first != second);
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP)
        .expect("a signal to ourselves");
    let started = std::time::Instant::now();
    while shown(&authority.connect(&server, true).await) != second {
        assert!(started.elapsed() < PATIENCE, "the new certificate is not shown");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(member.is_served(1).await, "whoever was there before is still there");

    // A pair that does not fit together leaves the good one in force.
    let stray = KeyPair::generate().expect("a key");
    fs::write(authority.key(), stray.serialize_pem()).expect("a file");
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP)
        .expect("a signal to ourselves");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(shown(&authority.connect(&server, true).await) == second);
    assert!(member.is_served(2).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_does_not_fit_is_an_error_at_the_start() {
    let authority = Authority::new();
    authority.issue();
    fs::write(authority.key(), KeyPair::generate().expect("a key").serialize_pem()).expect("a file");
    let folder = Folder::new();
    let result = conclave::Server::bind(authority.config(&folder.0)).await;
    let error = result.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("do not belong together"), "{error}");
}

/// Nobody is told how long a stranger may think: a handshake that is not finished is cut off by the server's own clock (10 s).
#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_never_ends_is_cut_off() {
    let authority = Authority::new();
    let server = authority.server().await;
    let mut stream = TcpStream::connect(server.http).await.expect("the port is open");
    stream.write_all(&[0x16, 0x03, 0x01]).await.expect("three bytes");
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server holds on to it");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_take_all_places() {
    let authority = Authority::new();
    authority.issue();
    let folder = Folder::new();
    let mut config = authority.config(&folder.0);
    config.limits.connections_per_address = 8;
    let server = Running::start_with(config, folder, None).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(TcpStream::connect(server.http).await.expect("the port is open"));
    }
    // The accept loop takes them in order; the ninth is closed unread.
    let mut ninth = TcpStream::connect(server.http).await.expect("the port is open");
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(5), ninth.read_to_end(&mut answer)).await;
    assert!(read.is_ok() && answer.is_empty(), "one more than the limit was let in");
    drop(held);
    let started = std::time::Instant::now();
    loop {
        let stream = TcpStream::connect(server.http).await.expect("the port is open");
        let mut byte = [0];
        // Open and silent: it has a place.
        if timeout(Duration::from_millis(200), stream.peek(&mut byte))
            .await
            .is_err()
        {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "places are not given back");
    }
    server.stop().await;
}
