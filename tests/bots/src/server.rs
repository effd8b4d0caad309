//! The real server on ports of its own, for one test: bound, run and ended in this process, with a room.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use conclave::{
    Config, Server,
    admin::{Reply, Request, client::ask, record_text},
    config::origin,
    logging::guard,
    tap::FrameTap,
};
use conclave_protocol::{
    credential::HostCredential,
    link::GuestLink,
    moderator::{MODERATOR_ENTROPY, ModeratorKey},
    room::{Limits, NEW_ROOM_ENTROPY, NewRoom, RoomPlan, make_room_with_rules},
    server_name::ServerName,
    sheet::{Found, Rules},
};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};

/// How long the server may take to end.
const ENDING: Duration = Duration::from_secs(10);

/// A running server. Ended by [`TestServer::stop`], or on the spot when dropped.
pub struct TestServer {
    /// Where the page is.
    pub http: SocketAddr,
    /// Where media is taken.
    pub media: SocketAddr,
    name: ServerName,
    data_dir: PathBuf,
    end: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), conclave::Error>>,
}

impl TestServer {
    /// Starts a server, with a tap if there is one.
    ///
    /// # Panics
    /// If it does not start: no test makes sense then.
    pub async fn start(tap: Option<Arc<dyn FrameTap>>) -> Self {
        // Every test on a server is also one of its log: a layer that panics on addresses, ids and planted texts.
        guard::install();
        let data_dir = fresh_folder();
        let any_port = ([127, 0, 0, 1], 0).into();
        let config = Config {
            listen: any_port,
            udp: Some(any_port),
            ..Config::local(data_dir.clone())
        };
        let server = Server::bind(config)
            .await
            .unwrap_or_else(|error| panic!("the server does not start: {error}"));
        let server = match tap {
            Some(tap) => server.with_tap(tap),
            None => server,
        };
        let (http, media, name) = (server.http_addr(), server.media_addr(), server.name().clone());
        let (end, ended) = oneshot::channel::<()>();
        let task = tokio::spawn(server.run(async {
            // A dropped sender ends the server too.
            let _ = ended.await;
        }));
        Self {
            http,
            media,
            name,
            data_dir,
            end: Some(end),
            task,
        }
    }

    /// Makes a room as `conclave room create` does and gives its guest link.
    ///
    /// # Panics
    /// If the server does not take it.
    pub async fn room(&self, title: &str) -> GuestLink {
        self.room_of(title, OPEN).await.guest_link
    }

    /// A room with a host, in which newcomers ask; with the owner's key.
    ///
    /// # Panics
    /// As [`TestServer::room`].
    pub async fn hosted_room(&self, title: &str) -> (GuestLink, HostCredential) {
        let room = self.room_of(title, HOSTED).await;
        (room.guest_link, room.host_credential)
    }

    /// The same, with two moderators' keys.
    ///
    /// # Panics
    /// As [`TestServer::room`].
    pub async fn moderated_room(&self, title: &str) -> (GuestLink, HostCredential, [ModeratorKey; 2]) {
        let room = self.room_of(title, HOSTED).await;
        let key = || {
            let mut entropy = [0; MODERATOR_ENTROPY];
            getrandom::fill(&mut entropy).unwrap_or_else(|error| panic!("no randomness: {error}"));
            let key = room.moderator(&entropy);
            key.unwrap_or_else(|error| panic!("no moderator's key: {error}"))
        };
        let keys = [key(), key()];
        (room.guest_link, room.host_credential, keys)
    }

    async fn room_of(&self, title: &str, rules: Rules) -> NewRoom {
        guard::install().plant(title);
        room_with(&self.data_dir, &self.name, title, rules).await
    }

    /// A guest link as people paste it.
    #[must_use]
    pub fn url(&self, link: &GuestLink) -> String {
        link.to_url(&origin(&self.name)).to_string()
    }

    /// Ends the server as a signal would. Every test ends with this: what the server logged is judged here.
    ///
    /// # Panics
    /// If it does not end cleanly, or something was logged that must never be.
    pub async fn stop(mut self) {
        self.end.take();
        match timeout(ENDING, &mut self.task).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => panic!("the server ended with: {error}"),
            Ok(Err(_)) => panic!("the server panicked"),
            Err(_) => panic!("the server does not end"),
        }
        // The guard's own panic ends one connection's task, and nobody would hear of it.
        guard::install().assert_clean();
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
        // A folder that stays behind harms nobody.
        let _ = std::fs::remove_dir_all(&self.data_dir);
    }
}

/// Makes a room on the server of this data folder, as `conclave room create` does, and gives its guest link.
///
/// # Panics
/// If the server does not take it.
pub async fn room_on(data_dir: &Path, name: &ServerName, title: &str) -> GuestLink {
    room_with(data_dir, name, title, OPEN).await.guest_link
}

/// Anyone begins a call, and nobody asks.
const OPEN: Rules = Rules {
    found: Found::Anyone,
    lobby: false,
};

/// Somebody with a role begins a call, and guests ask.
const HOSTED: Rules = Rules {
    found: Found::Host,
    lobby: true,
};

async fn room_with(data_dir: &Path, name: &ServerName, title: &str, rules: Rules) -> NewRoom {
    let mut entropy = [0; NEW_ROOM_ENTROPY];
    getrandom::fill(&mut entropy).unwrap_or_else(|error| panic!("no randomness: {error}"));
    let day_made = today();
    let plan = RoomPlan {
        server: name.clone(),
        title: title.to_owned(),
        day_made,
        day_expires: day_made.saturating_add(1),
        limits: Limits::default(),
        operator_keys: true,
    };
    let room = make_room_with_rules(&entropy, &plan, rules).unwrap_or_else(|error| panic!("no room: {error}"));
    let request = Request::RoomCreate {
        record: record_text(&room.record),
    };
    let data_dir = data_dir.to_owned();
    // The admin client blocks; the server answers from this very runtime.
    match spawn_blocking(move || ask(&data_dir, &request)).await {
        Ok(Ok(Reply::RoomCreated { .. })) => room,
        Ok(Err(error)) => panic!("the room was not taken: {error}"),
        _ => panic!("the admin socket answered something else"),
    }
}

fn fresh_folder() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("conclave-bots-{}-{number}", std::process::id()))
}

/// Days since 1970-01-01.
pub(crate) fn today() -> u16 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u16::try_from(since.as_secs() / 86_400).unwrap_or(u16::MAX)
}
