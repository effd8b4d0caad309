//! People who are added to a group and then do nothing: leaves for measurements, and for calls of a size that no test machine has the power for. Each is the real core
//! up to the point where it falls asleep, with a hidden tab and without media; from there on its socket is read and kept alive, and nothing is done with what comes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use conclave_core::{Event, Input, Member, Options, Output, State};
use conclave_protocol::{
    chunk::split,
    envelope::{Envelope, EnvelopeType},
    link::GuestLink,
    message::{ClientMessage, ServerMessage},
};
use tokio::{
    task::JoinHandle,
    time::{Instant, interval_at, timeout},
};

use crate::{
    bot::Bot,
    error::BotError,
    socket::{Socket, SocketEvent},
};

/// How long somebody may take to come as far as a knock.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long leaves may stop coming before those who are missing are replaced: a knock that was lost is not repeated by somebody asleep. Those who were never heard are
/// taken for committers for ten seconds; whoever is replaced before that may be added all the same, and has no socket any more.
const STALLED: Duration = Duration::from_secs(12);

/// How often somebody asleep shows the server that the socket is used; it closes those that are silent for 45 s.
const PING: Duration = Duration::from_secs(15);

/// How many knock at a time: as many as one commit adds.
const AT_A_TIME: usize = conclave_core::limits::ADDS_PER_COMMIT;

/// When somebody falls asleep.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asleep {
    /// In the call, as in a hidden tab, which everybody is told: nobody waits for a commit of theirs.
    Joined,
    /// The same, and then their line is lost: the leaf stays until they are missed.
    Away,
    /// Awake, and doing a member's duties, until they are lost ([`Crowd::lose_all`]): the leaf stays until they are missed.
    WhenLost,
}

/// How long a hidden member stays awake in the call: its first beacon goes out at once.
const SETTLING: Duration = Duration::from_millis(300);

/// Somebody whose leaf stays when they sleep. Gone when it is dropped.
pub struct Dormant(JoinHandle<()>);

impl Dormant {
    /// Somebody on the way to a room's call.
    ///
    /// # Errors
    /// If the link or the name cannot be used.
    pub fn knock(link: &str, name: &str, asleep: Asleep) -> Result<Self, BotError> {
        let link = GuestLink::parse(link).map_err(|_| BotError::Link)?;
        let server = link.servers.first().ok_or(BotError::NoServer)?.clone();
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| BotError::Randomness)?;
        let options = Options {
            owner: None,
            invite: None,
            seed,
            place: None,
        };
        let mut member = Member::new(&link, &server, name, 3, &options)?;
        Ok(Self(tokio::spawn(async move {
            let start = Instant::now();
            let mut socket = None;
            let mut until = Some(start + PATIENCE);
            member.handle(0, Input::Hidden(true));
            member.handle(0, Input::Tick);
            while until.is_none_or(|until| Instant::now() < until) {
                while let Some(output) = member.poll_output() {
                    match output {
                        Output::OpenSocket { after_ms } => socket = Some(Socket::open(&server, after_ms)),
                        Output::Send { high, bytes } => {
                            if let Some(socket) = &socket {
                                socket.send(high, bytes);
                            }
                        }
                        Output::Event(Event::State(State::InCall)) => {
                            until = (asleep != Asleep::WhenLost).then(|| Instant::now() + SETTLING);
                        }
                        _ => {}
                    }
                }
                let at = start + Duration::from_millis(member.poll_timeout().unwrap_or(u64::MAX / 2).min(60_000));
                let at = until.map_or(at, |until| at.min(until));
                let event = tokio::select! {
                    event = async { match &mut socket { Some(socket) => socket.event().await, None => std::future::pending().await } } => event,
                    () = tokio::time::sleep_until(at) => None,
                };
                let now = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                match event {
                    Some(SocketEvent::Open) => member.handle(now, Input::SocketOpen),
                    Some(SocketEvent::Frame(bytes)) if is_knock(&bytes) => {}
                    Some(SocketEvent::Frame(bytes)) => member.handle(now, Input::SocketFrame(&bytes)),
                    Some(SocketEvent::Closed(_)) => return,
                    None => member.handle(now, Input::Tick),
                }
            }
            let Some(mut socket) = socket.filter(|_| asleep == Asleep::Joined) else {
                return;
            };
            let mut pings = interval_at(Instant::now() + PING, PING);
            let mut number = 1;
            loop {
                tokio::select! {
                    event = socket.event() => if event.is_none() { return },
                    _ = pings.tick() => {
                        // The server reads pieces; no other message is on its way any more.
                        for bytes in split::<ClientMessage>(ClientMessage::Ping { n: number }.encode(), number) {
                            socket.send(true, bytes);
                        }
                        number += 1;
                    }
                }
            }
        })))
    }
}

/// Somebody at the door. Those whose tab is hidden leave it to the others to let them in: hundreds who read every knock, all on one machine, would keep each other waiting.
fn is_knock(bytes: &[u8]) -> bool {
    let Ok(ServerMessage::EnvelopeIn { seq: None, envelope }) = ServerMessage::decode(bytes) else {
        return false;
    };
    Envelope::decode(&envelope).is_ok_and(|envelope| envelope.clear.kind == EnvelopeType::Knock)
}

impl Drop for Dormant {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// People who fill a call, by name.
#[derive(Default)]
pub struct Crowd(BTreeMap<String, Dormant>);

impl Crowd {
    /// Lets people come until somebody's roster has `wanted` entries, so many at a time as one commit adds.
    ///
    /// # Errors
    /// If the link cannot be used, or the room is not full in time.
    pub async fn fill(
        &mut self,
        seen_by: &Bot,
        link: &str,
        (wanted, asleep): (usize, Asleep),
        patience: Duration,
    ) -> Result<(), BotError> {
        let (started, mut made) = (Instant::now(), self.0.len());
        let mut view = seen_by.watch();
        while started.elapsed() < patience {
            let here: BTreeSet<String> = view.borrow().roster.iter().map(|person| person.name.clone()).collect();
            let size = view.borrow().roster.len();
            if size >= wanted {
                return Ok(());
            }
            let knocking = self.0.keys().filter(|name| !here.contains(*name)).count();
            let missing = wanted.saturating_sub(size + knocking);
            for _ in 0..missing.min(AT_A_TIME.saturating_sub(knocking)) {
                made += 1;
                let name = format!("Leaf {made}");
                self.0.insert(name.clone(), Dormant::knock(link, &name, asleep)?);
            }
            let grown = view.wait_for(|view| view.roster.len() > size);
            if timeout(STALLED, grown).await.is_err() {
                self.0.retain(|name, _| here.contains(name));
            }
        }
        let what = format!("{wanted} members are there");
        let all = |view: &crate::View| view.roster.len() >= wanted;
        seen_by.wait_within(Duration::ZERO, &what, all).await.map(drop)
    }

    /// All go without a word, and their leaves stay.
    pub fn lose_all(&mut self) {
        self.0.clear();
    }

    /// The last who came goes without a word: the line is free again, the leaf stays.
    pub fn lose_one(&mut self) {
        let last = format!("Leaf {}", self.0.len());
        self.0.remove(&last);
    }
}
