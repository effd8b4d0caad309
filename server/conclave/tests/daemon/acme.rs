//! Certificates from an authority: Debian's `pebble`, which checks the challenge over TLS at our own port, issues, and does it again
//! when the certificate grows old; and nobody notices.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use conclave::{
    Config,
    config::{Certificates, Transport, parse_name},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{net::TcpStream, time::sleep};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::{
    harness::{Client, Folder, Running, config, upgrade_request},
    ports,
};

/// The name that the authority is asked for; its resolver is the test's own and says loopback to everything.
const HOST: &str = "meet.test";
/// Life of the certificate that is there at the start, and how old it is then: it is due a few seconds later.
const LIFE: Duration = Duration::from_secs(60);
const AGE: Duration = Duration::from_secs(32);
/// A certificate takes about a second, renewal begins eight seconds after the start. The machine is shared with builds.
const WAIT: Duration = Duration::from_secs(60);

/// A process that goes with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whoever wants to know is shown what was presented; that it is the authority's is what the issuer's name says.
#[derive(Debug)]
struct TakesAnything(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for TakesAnything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A connection to the server, if there is a certificate yet.
async fn connect(server: SocketAddr) -> Option<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TakesAnything(provider)))
        .with_no_client_auth();
    let stream = TcpStream::connect(server).await.expect("the port is open");
    let name = ServerName::try_from(HOST).expect("a name");
    TlsConnector::from(Arc::new(client)).connect(name, stream).await.ok()
}

async fn shown(server: SocketAddr) -> Option<Vec<u8>> {
    let stream = connect(server).await?;
    let chain = stream.get_ref().1.peer_certificates()?;
    Some(chain.first()?.to_vec())
}

/// Waits until the certificate is another one than `before`.
async fn until_other(server: SocketAddr, before: Option<&[u8]>, what: &str) -> Vec<u8> {
    let started = Instant::now();
    loop {
        if let Some(shown) = shown(server).await
            && Some(shown.as_slice()) != before
        {
            return shown;
        }
        assert!(started.elapsed() < WAIT, "{what}");
        sleep(Duration::from_millis(200)).await;
    }
}

/// Puts a certificate of our own into the place of the authority's, closed like it, with a third of its life left in a few seconds.
fn plant_old(path: &Path) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![HOST.to_owned()]).expect("parameters");
    let from = std::time::SystemTime::now() - AGE;
    params.not_before = from.into();
    params.not_after = (from + LIFE).into();
    let certificate = params.self_signed(&key).expect("a certificate");
    fs::write(path, [certificate.pem(), key.serialize_pem()].concat()).expect("a file");
}

/// Starts the authority for a server at `tls_port`; its directory's address and root are in the return value.
async fn authority(folder: &Path, tls_port: u16) -> ([Process; 2], String) {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let own = CertificateParams::new(vec!["localhost".to_owned()])
        .expect("parameters")
        .signed_by(&key, &issuer)
        .expect("a certificate");
    fs::write(folder.join("root.pem"), issuer.pem()).expect("a file");
    fs::write(folder.join("own.pem"), own.pem()).expect("a file");
    fs::write(folder.join("key.pem"), key.serialize_pem()).expect("a file");
    let [port, management, dns, dns_management] = [(); 4].map(|()| ports::free());
    let settings = serde_json::json!({ "pebble": {
        "listenAddress": format!("127.0.0.1:{port}"),
        "managementListenAddress": format!("127.0.0.1:{management}"),
        "certificate": folder.join("own.pem"),
        "privateKey": folder.join("key.pem"),
        "httpPort": 1,
        "tlsPort": tls_port,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": false,
    }});
    let settings_file = folder.join("pebble.json");
    fs::write(&settings_file, settings.to_string()).expect("a file");
    let start = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Process(
            command
                .spawn()
                .unwrap_or_else(|error| panic!("{program} (Debian package pebble): {error}")),
        )
    };
    let (dns, dns_management) = (format!("127.0.0.1:{dns}"), format!("127.0.0.1:{dns_management}"));
    let resolver = start(
        "pebble-challtestsrv",
        &[
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
            "-dns01",
            &dns,
            "-management",
            &dns_management,
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
        ],
    );
    let settings_file = settings_file.to_string_lossy().into_owned();
    let pebble = start("pebble", &["-config", &settings_file, "-dnsserver", &dns]);
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(started.elapsed() < WAIT, "pebble does not listen");
        sleep(Duration::from_millis(50)).await;
    }
    ([resolver, pebble], format!("https://localhost:{port}/dir"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_fetched_kept_closed_and_renewed_under_open_sockets() {
    let (data, files) = (Folder::new(), Folder::new());
    fs::create_dir_all(&files.0).expect("a folder");
    // The authority must know our port before we listen, and we its address before we start.
    let port = ports::free();
    let (_running, directory) = authority(&files.0, port).await;
    let name = format!("{HOST}:{port}");
    let acme = |data: &Path| Config {
        name: Some(parse_name(&name).expect("a name")),
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        transport: Transport::Tls(Certificates::Acme {
            directory: directory.clone(),
            root: Some(files.0.join("root.pem")),
        }),
        ..config(data)
    };
    let server = Running::start_with(acme(&data.0), data, None).await;
    let issued = until_other(server.http, None, "no certificate was issued").await;
    let account = fs::read(server.data_dir().join("acme/account.json")).expect("the account");

    // The next start finds a certificate that grows old.
    let data = server.stop().await;
    plant_old(&data.0.join("acme/certificate.pem"));
    let server = Running::start_with(acme(&data.0), data, None).await;
    let first = shown(server.http)
        .await
        .expect("what is there is in force from the first moment");
    assert!(first != issued);

    let folder = server.data_dir().join("acme");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in ["account.json", "certificate.pem"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }

    // Somebody is on the line while the certificate is renewed.
    let mut request = format!("wss://{name}/v1/socket")
        .into_client_request()
        .expect("a request");
    for (key, value) in upgrade_request()
        .headers()
        .iter()
        .filter(|(key, _)| key.as_str() == "sec-websocket-protocol")
    {
        request.headers_mut().insert(key.clone(), value.clone());
    }
    let stream = connect(server.http).await.expect("a handshake");
    let mut member = Client::connect_over(Box::new(stream), request)
        .await
        .unwrap_or_else(|status| panic!("refused with {status}"));
    let (_, room) = server.room().await;
    member.enter(&server, &room).await;
    let second = until_other(server.http, Some(&first), "the certificate was not renewed").await;
    assert!(member.is_served(1).await, "renewal dropped a socket");

    assert!(second != issued);
    let again = fs::read(folder.join("account.json")).expect("the account");
    assert!(account == again, "a new account was made");
    server.stop().await;
}
