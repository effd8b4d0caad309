//! The daemon put together: bind everything, start the tasks, and serve until they end.

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use conclave_protocol::{keys::AdmissionPk, server_name::ServerName};
use conclave_rooms::{Config as RoomsConfig, Input, Rooms};
use conclave_sfu::{DtlsIdentity, MediaTap, Sfu, SfuConfig};
use ipnet::IpNet;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, oneshot},
    time::{self, Instant},
};

use crate::{
    admin::server::{self as admin, Admin, AdminSocket},
    calendar::today,
    config::{self, Config, Limits, Transport},
    control::{Control, ControlInput},
    edge::Edge,
    ending::{self, Ending},
    error::Error,
    http, limits,
    manager::{self, Sockets},
    media::{self, MediaLoop, MediaSocket, UdpMedia},
    metrics::{Observer, Traffic},
    peers::Peers,
    registry::Registry,
    socket::Door,
    store::{DataDir, Store},
    tap::{FrameTap, NoTap},
    tasks::Tasks,
    tls::Tls,
    turn::{Credentials, Relayed, Relays, TurnDoor, UdpTurn},
};

/// A server whose ports, folder and database are ours, and which serves nobody yet.
pub struct Server {
    name: ServerName,
    listener: TcpListener,
    /// Port 80, if the service manager holds it: sends people on to HTTPS.
    plain_listener: Option<TcpListener>,
    http_addr: SocketAddr,
    udp: std::net::UdpSocket,
    media_addr: SocketAddr,
    candidates: Vec<SocketAddr>,
    data_dir: DataDir,
    store: Store,
    admin_socket: AdminSocket,
    tls: Option<Tls>,
    proxies: Option<Vec<IpNet>>,
    turn: bool,
    limits: Limits,
    tap: Option<Arc<dyn FrameTap>>,
}

impl Server {
    /// Takes the ports, the data folder and the database. A taken port is an error, never dodged.
    pub async fn bind(config: Config) -> Result<Self, Error> {
        Self::bind_with(config, Sockets::default()).await
    }

    /// As [`Server::bind`], with sockets that the service manager opened in place of those that the configuration names.
    pub async fn bind_with(config: Config, handed_over: Sockets) -> Result<Self, Error> {
        let data_dir = DataDir::open(&config.data_dir)?;
        let tls = match &config.transport {
            Transport::Plain | Transport::Proxied(_) => None,
            Transport::Tls(source) => {
                let name = config.name_for(config.listen.port())?;
                let (host, _) = config::host_and_port(&name);
                Some(Tls::open(source, host, data_dir.path())?)
            }
        };
        let listening = |what, address: SocketAddr| {
            move |source| Error::Listen {
                what,
                address: address.to_string(),
                source,
            }
        };
        let listener = match handed_over.https.into_iter().next() {
            Some(listener) => listener
                .set_nonblocking(true)
                .and_then(|()| TcpListener::from_std(listener)),
            None => TcpListener::bind(config.listen).await,
        };
        let listener = listener.map_err(listening("tcp", config.listen))?;
        let http_addr = listener.local_addr().map_err(listening("tcp", config.listen))?;
        let plain_listener = match handed_over.http.into_iter().next() {
            // Without TLS there is nothing to send people on to.
            Some(listener) if tls.is_some() => Some(
                listener
                    .set_nonblocking(true)
                    .and_then(|()| TcpListener::from_std(listener))
                    .map_err(listening("plain tcp", config.listen))?,
            ),
            _ => None,
        };
        let udp_wanted = config.media_address(http_addr);
        let udp = match handed_over.udp.into_iter().next() {
            Some(socket) => media::adopt(socket),
            None => media::bind(udp_wanted),
        };
        let udp = udp.map_err(listening("udp", udp_wanted))?;
        let media_addr = udp.local_addr().map_err(listening("udp", udp_wanted))?;
        // From here on commands may come, as connections may: they wait until the server runs.
        let admin_socket = AdminSocket::bind(config.admin_socket()).map_err(|source| Error::Local {
            what: "cannot make the admin socket",
            source,
        })?;
        Ok(Self {
            name: config.name_for(http_addr.port())?,
            candidates: config.candidates(media_addr)?,
            store: Store::open(&data_dir.database()?)?,
            listener,
            plain_listener,
            http_addr,
            udp,
            media_addr,
            data_dir,
            admin_socket,
            // TURN hides in TLS; without it there is nowhere for it to be.
            turn: config.turn && tls.is_some(),
            tls,
            proxies: match config.transport {
                Transport::Proxied(nets) => Some(nets),
                Transport::Plain | Transport::Tls(_) => None,
            },
            limits: config.limits,
            tap: None,
        })
    }

    /// Lets a test see all bytes.
    #[must_use]
    pub fn with_tap(mut self, tap: Arc<dyn FrameTap>) -> Self {
        self.tap = Some(tap);
        self
    }

    /// The name that clients and keys know.
    #[must_use]
    pub fn name(&self) -> &ServerName {
        &self.name
    }

    /// Where the page is.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// Where media is taken.
    #[must_use]
    pub fn media_addr(&self) -> SocketAddr {
        self.media_addr
    }

    /// Serves until `shutdown` is ready, over the system's own UDP socket.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        self.run_with(shutdown, UdpMedia::new).await
    }

    /// Serves until `shutdown` is ready. `open` makes the media socket of the bound one, in the media thread.
    pub async fn run_with<S, F>(self, shutdown: impl Future<Output = ()>, open: F) -> Result<(), Error>
    where
        S: MediaSocket,
        F: FnOnce(std::net::UdpSocket) -> io::Result<S> + Send + 'static,
    {
        let start = Instant::now();
        let (end, ending) = ending::channel();
        let (control, inputs) = mpsc::channel(limits::CONTROL_QUEUE);
        let (commands_in, commands) = mpsc::channel(limits::MEDIA_QUEUE);
        let (results_in, results) = mpsc::channel(limits::MEDIA_QUEUE);
        let (registry, requests) = mpsc::channel(limits::REGISTRY_QUEUE);

        let mut rooms = Rooms::new(RoomsConfig {
            server: self.name.clone(),
            dummy_admission_pk: dummy_admission_pk()?,
            max_connections: self.limits.connections,
        });
        self.store.delete_expired(today()).await?;
        self.store.delete_expired_tickets(today()).await?;
        for room in self.store.rooms().await? {
            if !room.closed {
                let (id, limits) = (room.record.room_id, room.limits());
                rooms.handle(0, Input::RoomAdded(room.record));
                rooms.handle(0, Input::RoomAllowance { room: id, limits });
            }
        }

        let tap = self.tap.clone().unwrap_or_else(|| Arc::new(NoTap));
        let (relays, plane_end) = Relays::new();
        let credentials = self.turn.then(Arc::<Credentials>::default);
        let peers = Arc::new(Peers::new(self.limits.connections_per_address));
        let turn = credentials.clone().map(|credentials| {
            let realm = config::host_and_port(&self.name).0.to_owned();
            let allocations = self.limits.turn_allocations;
            Arc::new(TurnDoor::new(credentials, relays, realm, &self.candidates, allocations))
        });
        let udp_turn = turn
            .clone()
            .map(|door| UdpTurn::new(door, Arc::clone(&peers), start.into_std()));
        let sfu = forwarding_plane(self.candidates, self.tap)?;
        let udp = self.udp;
        let traffic = Arc::new(Traffic::default());
        let media = MediaLoop {
            sfu,
            commands,
            results: results_in,
            tap: Arc::clone(&tap),
            traffic: Arc::clone(&traffic),
            egress_mbit: self.limits.egress_mbit,
            ending: ending.clone(),
        };
        let media_end =
            media::spawn(media, move || Ok(Relayed::new(open(udp)?, plane_end, udp_turn))).map_err(|source| {
                Error::Local {
                    what: "cannot start the media thread",
                    source,
                }
            })?;

        let door = Arc::new(Door::new(control.clone(), tap, self.limits.connections));
        let acceptor = self.tls.as_ref().map(Tls::acceptor).transpose()?;
        let proxied = self.proxies.is_some().then(|| Arc::clone(&peers));
        let router = http::router(&self.name, Arc::clone(&door), proxied).ok_or(Error::TaskFailed("http"))?;
        let (named, _) = config::host_and_port(&self.name);
        let plain_edge = Edge {
            router: http::redirect(&self.name),
            tls: None,
            turn: None,
            host: None,
            peers: Arc::clone(&peers),
            proxies: None,
            places: Arc::new(Semaphore::new(limits::MAX_HTTP_CONNECTIONS)),
        };
        let edge = Edge {
            router,
            tls: acceptor,
            turn,
            // SPEC: RFC 6066 §3: literal addresses are never in SNI.
            host: (named.parse::<Ipv4Addr>().is_err() && !named.starts_with('[')).then(|| named.to_owned()),
            peers,
            proxies: self.proxies,
            places: Arc::new(Semaphore::new(limits::MAX_HTTP_CONNECTIONS)),
        };
        let admin = Arc::new(Admin {
            name: self.name,
            store: self.store.clone(),
            control: control.clone(),
            observer: Observer::new(Arc::clone(&traffic), self.limits, self.data_dir.path()),
        });

        let mut tasks = Tasks::new(end);
        let outboxes = HashMap::new();
        let control_task = Control {
            rooms,
            inputs,
            results,
            media: commands_in,
            registry,
            ending: ending.clone(),
            relaying: credentials,
            outboxes,
            start,
        };
        tasks.spawn("control", control_task.run());
        tasks.spawn("media", async move { media_ended(media_end.await) });
        let listener = self.listener;
        tasks.spawn("http", edge.run(listener, ending.clone()));
        if let Some(listener) = self.plain_listener {
            tasks.spawn("redirect", plain_edge.run(listener, ending.clone()));
        }
        if let Some(tls) = self.tls {
            tasks.spawn("tls", tls.keep(ending.clone()));
        }
        tasks.spawn("admin", admin::run(self.admin_socket, admin, ending.clone()));
        tasks.spawn("watchdog", manager::watchdog(control.clone(), ending.clone()));
        let traffic_ending = ending.clone();
        tasks.spawn("traffic", async move { traffic.keep_looking(traffic_ending).await });
        let registry = Registry {
            store: self.store.clone(),
            control: control.clone(),
            inputs: requests,
            room_days: self.limits.room_days,
        };
        tasks.spawn("registry", registry.run(ending.clone()));
        tasks.spawn("expiry", sweep_expired(self.store, control, ending));
        manager::ready();
        let result = tasks.watch(shutdown).await;
        door.emptied().await;
        // Held to the end, so that no second daemon starts while this one still writes.
        drop(self.data_dir);
        result
    }
}

/// The channel breaks only if the media thread panicked.
fn media_ended(end: Result<io::Result<()>, oneshot::error::RecvError>) -> Result<(), Error> {
    match end {
        Ok(Ok(())) => Ok(()),
        Ok(Err(source)) => Err(Error::Local {
            what: "the media socket failed",
            source,
        }),
        Err(_) => Err(Error::TaskFailed("media")),
    }
}

/// Deletes rooms whose last day has passed, on disk and in memory.
async fn sweep_expired(store: Store, control: mpsc::Sender<ControlInput>, mut ending: Ending) -> Result<(), Error> {
    loop {
        tokio::select! {
            () = ending.reached() => return Ok(()),
            () = time::sleep(limits::EXPIRY_SWEEP) => {}
        }
        match store.delete_expired(today()).await {
            Ok(rooms) => {
                for room in rooms {
                    let _ = control.send(ControlInput::RoomDeleted(room)).await;
                }
            }
            // A full disk must not end calls; the next sweep tries again.
            Err(error) => tracing::warn!(%error, "expired rooms could not be deleted"),
        }
        // They count no longer in any case.
        let _ = store.delete_expired_tickets(today()).await;
    }
}

fn forwarding_plane(candidates: Vec<SocketAddr>, tap: Option<Arc<dyn FrameTap>>) -> Result<Sfu, Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| Error::Randomness)?;
    let identity = DtlsIdentity::generate().map_err(|_| Error::TaskFailed("media"))?;
    let mut config = SfuConfig::new(candidates, identity, seed);
    config.media_tap = tap.map(|tap| -> MediaTap { Box::new(move |packet| tap.media_in(packet)) });
    Ok(Sfu::new(config))
}

/// A key that nobody holds, against which proofs for unknown rooms are checked, so that they cost the same.
fn dummy_admission_pk() -> Result<AdmissionPk, Error> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|_| Error::Randomness)?;
    Ok(AdmissionPk::from_bytes(
        conclave_protocol::keys::Signer::from_seed(&seed).public(),
    ))
}
