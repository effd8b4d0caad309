//! A running server, a room on it, a client that speaks the wire language, and plain HTTP.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use conclave::{
    Config, Error, Server,
    admin::{Reply, Request, client::ask, record_text},
    config::parse_name,
    logging::guard,
    tap::FrameTap,
};
use conclave_protocol::{
    admission::AdmissionContext,
    gate::ProofContext,
    ids::{CallId, RoomId},
    keys::{GatePk, LinkKeys, LinkSecret, Signer, TransportPk},
    message::{ClientMessage, SOCKET_PATH, SUBPROTOCOL, ServerMessage},
    room::{Limits, NEW_ROOM_ENTROPY, NewRoom, RoomPlan, make_room},
    server_name::ServerName,
};
use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderMap, HeaderValue, header},
    },
};

/// Bound on every wait in these tests: what should come comes within milliseconds, on a machine shared with builds
/// within seconds.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The name of the test server; its port has nothing to do with the one that the system chose.
pub const NAME: &str = "localhost:8443";

/// What every room is called; only its guests may know it, so the log is searched for it.
pub const TITLE: &str = "Reading group";

/// A folder that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let unique = format!(
            "conclave-test-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        Self(std::env::temp_dir().join(unique))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server in this process.
pub struct Running {
    pub http: SocketAddr,
    pub media: SocketAddr,
    pub name: ServerName,
    folder: Folder,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), Error>>,
}

/// Loopback, ports of the system's choice.
pub fn config(folder: &Path) -> Config {
    Config {
        name: Some(parse_name(NAME).expect("a name")),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        udp: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        ..Config::local(folder.to_owned())
    }
}

impl Running {
    pub async fn start() -> Self {
        Self::start_in(Folder::new(), None).await
    }

    pub async fn start_tapped(tap: Arc<dyn FrameTap>) -> Self {
        Self::start_in(Folder::new(), Some(tap)).await
    }

    pub async fn start_in(folder: Folder, tap: Option<Arc<dyn FrameTap>>) -> Self {
        let config = config(&folder.0);
        Self::start_with(config, folder, tap).await
    }

    pub async fn start_with(config: Config, folder: Folder, tap: Option<Arc<dyn FrameTap>>) -> Self {
        guard::install().plant(TITLE);
        let mut server = Server::bind(config).await.expect("the server binds");
        if let Some(tap) = tap {
            server = server.with_tap(tap);
        }
        let (http, media, name) = (server.http_addr(), server.media_addr(), server.name().clone());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self {
            http,
            media,
            name,
            folder,
            stop: Some(stop),
            task,
        }
    }

    pub fn data_dir(&self) -> &Path {
        &self.folder.0
    }

    pub async fn try_admin(&self, request: Request) -> Result<Reply, Error> {
        let folder = self.folder.0.clone();
        tokio::task::spawn_blocking(move || ask(&folder, &request))
            .await
            .expect("the command's side does not panic")
    }

    pub async fn admin(&self, request: Request) -> Reply {
        self.try_admin(request)
            .await
            .unwrap_or_else(|error| panic!("the request failed: {error}"))
    }

    /// Makes a room; its number and what its owner holds.
    pub async fn room(&self) -> (i64, NewRoom) {
        let room = new_room(&self.name, 20_000, 65_000);
        let Reply::RoomCreated { number } = self
            .admin(Request::RoomCreate {
                record: record_text(&room.record),
            })
            .await
        else {
            panic!("not the answer to room_create");
        };
        (number, room)
    }

    /// Ends the server; its folder, in which nothing but the database must be left, and a clean log.
    pub async fn stop(mut self) -> Folder {
        let _ = self.stop.take().expect("stopped once").send(());
        let ended = timeout(PATIENCE, self.task)
            .await
            .expect("the server ends")
            .expect("the server does not panic");
        assert!(ended.is_ok(), "the server ended with an error: {:?}", ended.err());
        guard::install().assert_clean();
        self.folder
    }
}

pub fn new_room(server: &ServerName, day_made: u16, day_expires: u16) -> NewRoom {
    let mut entropy = [0; NEW_ROOM_ENTROPY];
    getrandom::fill(&mut entropy).expect("randomness");
    let plan = RoomPlan {
        server: server.clone(),
        title: TITLE.to_owned(),
        day_made,
        day_expires,
        limits: Limits::default(),
        operator_keys: false,
    };
    make_room(&entropy, &plan).expect("a room")
}

/// How a socket ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// A close frame with this code.
    Code(u16),
    /// The connection broke off.
    Gone,
}

/// One open socket.
pub struct Client(WebSocketStream<Box<dyn Wire>>, Option<Greeted>);

/// What a proof of a gate is bound to: server, nonce, seed of the transport key.
type Greeted = (ServerName, [u8; 32], [u8; 32]);

/// TCP, or TLS over it.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// The upgrade request as a browser of ours sends it, before a test changes it.
pub fn upgrade_request() -> tungstenite::handshake::client::Request {
    let mut request = format!("ws://{NAME}{SOCKET_PATH}")
        .into_client_request()
        .expect("a request");
    request
        .headers_mut()
        .insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    request
}

impl Client {
    pub async fn connect(server: &Running) -> Self {
        Self::connect_with(server, upgrade_request())
            .await
            .unwrap_or_else(|status| panic!("refused with {status}"))
    }

    /// Connects, or says with which status it was refused.
    pub async fn connect_with(server: &Running, request: tungstenite::handshake::client::Request) -> Result<Self, u16> {
        let stream = TcpStream::connect(server.http).await.expect("the port is open");
        // As browsers do: otherwise the second of two messages waits 40 ms for the answer to the first.
        stream.set_nodelay(true).expect("a setting");
        Self::connect_over(Box::new(stream), request).await
    }

    /// The same over a stream that is there.
    pub async fn connect_over(
        stream: Box<dyn Wire>,
        request: tungstenite::handshake::client::Request,
    ) -> Result<Self, u16> {
        match timeout(PATIENCE, client_async(request, stream))
            .await
            .expect("an answer to the upgrade")
        {
            Ok((socket, response)) => {
                assert_eq!(
                    response
                        .headers()
                        .get(header::SEC_WEBSOCKET_PROTOCOL)
                        .map(HeaderValue::as_bytes),
                    Some(SUBPROTOCOL.as_bytes())
                );
                Ok(Self(socket, None))
            }
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("the upgrade failed: {error}"),
        }
    }

    pub async fn send_raw(&mut self, message: Message) {
        // The server may have closed already; then the end is what the test looks at.
        let _ = self.0.send(message).await;
    }

    pub async fn send(&mut self, message: &ClientMessage) {
        self.send_raw(Message::Binary(message.encode().into())).await;
    }

    /// The next binary message, or how the socket ended.
    pub async fn next_bytes(&mut self) -> Result<Vec<u8>, End> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("something comes") {
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes.to_vec()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    assert_eq!(frame.reason.as_str(), "", "close frames carry no words");
                    return Err(End::Code(frame.code.into()));
                }
                Some(Ok(Message::Text(_))) => panic!("the server sent text"),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(End::Gone),
            }
        }
    }

    pub async fn next(&mut self) -> Result<ServerMessage, End> {
        let bytes = self.next_bytes().await?;
        Ok(ServerMessage::decode(&bytes).expect("the server speaks the wire language"))
    }

    /// Everything until the end.
    pub async fn rest(&mut self) -> (Vec<Vec<u8>>, End) {
        let mut all = Vec::new();
        loop {
            match self.next_bytes().await {
                Ok(bytes) => all.push(bytes),
                Err(end) => return (all, end),
            }
        }
    }

    /// Challenge, hello, admit with the keys of `secret`. The answer is left to be read.
    pub async fn prove(&mut self, server: &ServerName, room_id: RoomId, secret: &LinkSecret) {
        let proof = self.greet(server, room_id, secret).await;
        self.send(&proof).await;
    }

    /// Challenge and hello; the proof that comes next, not sent yet.
    pub async fn greet(&mut self, server: &ServerName, room_id: RoomId, secret: &LinkSecret) -> ClientMessage {
        let Ok(ServerMessage::Challenge { server_nonce }) = self.next().await else {
            panic!("the first message is a challenge");
        };
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("randomness");
        self.1 = Some((server.clone(), server_nonce, seed));
        let transport = Signer::from_seed(&seed);
        let transport_pk = TransportPk::from_bytes(transport.public());
        let context = AdmissionContext {
            server: server.clone(),
            room_id,
            server_nonce,
            client_nonce: seed,
            transport_pk,
        };
        let (sig_admission, sig_transport) = context.sign(&LinkKeys::derive(secret).admission(server), &transport);
        self.send(&ClientMessage::Hello {
            room_id,
            client_nonce: seed,
            transport_pk,
        })
        .await;
        ClientMessage::Admit {
            sig_admission,
            sig_transport,
        }
    }

    /// Admitted over TLS, where a way around blocked UDP is handed out first.
    pub async fn enter(&mut self, server: &Running, room: &NewRoom) {
        self.prove(&server.name, room.record.room_id, &room.guest_link.link_secret)
            .await;
        assert!(matches!(self.next().await, Ok(ServerMessage::Relay { .. })), "no relay");
        assert!(
            matches!(self.next().await, Ok(ServerMessage::Admitted { .. })),
            "the link opens the room"
        );
    }

    /// Founds a call of its own: attaches, and proves the gate of its first epoch.
    pub async fn found(&mut self, call_id: CallId) {
        self.send(&ClientMessage::Attach { call_id, have_seq: 0 }).await;
        let (server, server_nonce, seed) = self.1.as_ref().expect("greeted before");
        let context = ProofContext {
            server,
            server_nonce,
            transport_pk: &TransportPk::from_bytes(Signer::from_seed(seed).public()),
        };
        let gate = Signer::from_seed(&[0x6a; 32]);
        let prove = ClientMessage::Prove {
            call_id,
            seq: 0,
            gate: GatePk::from_bytes(gate.public()),
            signature: context.sign(&call_id, 0, &gate),
        };
        self.send(&prove).await;
    }

    /// A client that is admitted to this room.
    pub async fn admitted(server: &Running, room: &NewRoom) -> Self {
        let mut client = Self::connect(server).await;
        client
            .prove(&server.name, room.record.room_id, &room.guest_link.link_secret)
            .await;
        assert!(
            matches!(client.next().await, Ok(ServerMessage::Admitted { .. })),
            "the link opens the room"
        );
        client
    }

    /// Asks for a sign of life and waits for it.
    pub async fn is_served(&mut self, n: u32) -> bool {
        self.send(&ClientMessage::Ping { n }).await;
        matches!(self.next().await, Ok(ServerMessage::Pong { n: answer }) if answer == n)
    }
}

/// Sends bytes over TCP and reads to the end.
pub async fn raw_http(server: &Running, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.http).await.expect("the port is open");
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("an end of the answer");
    answer
}

/// One request with our name as host; status, headers and body.
pub async fn http(server: &Running, method: &str, path: &str, more: &str) -> (u16, HeaderMap, Vec<u8>) {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n{more}\r\n");
    parse(&raw_http(server, request.as_bytes()).await)
}

pub fn parse(answer: &[u8]) -> (u16, HeaderMap, Vec<u8>) {
    let split = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head");
    let (head, body) = answer.split_at(split);
    let head = str::from_utf8(head).expect("a head in ASCII");
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok());
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a header");
        let name: header::HeaderName = name.parse().expect("a header's name");
        headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
    }
    (
        status.expect("a status"),
        headers,
        body.get(4..).unwrap_or_default().to_vec(),
    )
}
