//! The task of one bot: it gives the core its socket, its clock and its media connection, and does what the core
//! says. It decides nothing itself.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use conclave_core::{Event, Input, Member, MidRole, Output, Role as CoreRole};
use conclave_frame::{Codec, Kind};
use conclave_protocol::{ids::TrackKind, server_name::ServerName};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::sleep_until,
};

use crate::{
    media::{
        leg::{Leg, LegEvent},
        lines::Role,
        publish::{Shared, publish},
        subscribe::Subscriptions,
    },
    socket::{Socket, SocketEvent},
    view::{Line, Person, View},
};

/// What a test asks of a bot.
pub(crate) enum Command {
    Chat(String),
    Publish(Kind, bool),
    SafetyNumber,
    Decide(Input<'static>),
    Deaf,
    Line(bool),
    Leave,
}

/// The close code of a connection that ended without one (RFC 6455, section 7.4.1).
const SOCKET_LOST: u16 = 1_006;

/// How often sealed figures are brought into the view.
const FIGURES_EVERY: Duration = Duration::from_millis(100);

pub(crate) struct Engine {
    member: Member,
    server: ServerName,
    shared: Arc<Shared>,
    codecs: Vec<Codec>,
    view: watch::Sender<View>,
    commands: mpsc::Receiver<Command>,
    socket: Option<Socket>,
    media: Option<Media>,
    /// Nothing that the server says reaches the core any more; media goes on.
    deaf: bool,
    /// The line to the server, without media.
    line: Reach,
}

/// Whether the socket can be reached.
enum Reach {
    There,
    /// Cut; the socket that the core has asked for meanwhile is opened when the line is back.
    Cut {
        wanted: bool,
    },
}

/// One media connection and its tasks.
struct Media {
    leg: Leg,
    events: mpsc::Receiver<LegEvent>,
    subscriptions: Subscriptions,
    publishers: Vec<JoinHandle<()>>,
}

impl Drop for Media {
    fn drop(&mut self) {
        self.publishers.iter().for_each(JoinHandle::abort);
    }
}

/// What woke the bot.
enum Wake {
    Time,
    Figures,
    Socket(Option<SocketEvent>),
    Leg(Option<LegEvent>),
    Command(Option<Command>),
}

impl Engine {
    pub(crate) fn new(
        member: Member,
        server: ServerName,
        shared: Arc<Shared>,
        codecs: Vec<Codec>,
        view: watch::Sender<View>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        Self {
            member,
            server,
            shared,
            codecs,
            view,
            commands,
            socket: None,
            media: None,
            deaf: false,
            line: Reach::There,
        }
    }

    /// Runs until the core has ended.
    pub(crate) async fn run(mut self) {
        let mut figures = tokio::time::interval(FIGURES_EVERY);
        // The core asks for its socket at the first sign of life.
        self.member.handle(self.shared.now_ms(), Input::Tick);
        loop {
            self.outputs().await;
            if self.view.borrow().ended().is_some() {
                break;
            }
            let wake = self.wake(&mut figures).await;
            self.handle(wake).await;
        }
        if let Some(socket) = self.socket.take() {
            socket.close().await;
        }
        if let Some(media) = self.media.take() {
            media.leg.close().await;
        }
    }

    async fn wake(&mut self, figures: &mut tokio::time::Interval) -> Wake {
        let deadline = self
            .member
            .poll_timeout()
            .map(|at| self.shared.start + Duration::from_millis(at));
        tokio::select! {
            () = async { match deadline { Some(at) => sleep_until(at).await, None => std::future::pending().await } } => Wake::Time,
            event = async { match &mut self.socket { Some(socket) => socket.event().await, None => std::future::pending().await } } => Wake::Socket(event),
            event = async { match &mut self.media { Some(media) => media.events.recv().await, None => std::future::pending().await } } => Wake::Leg(event),
            command = self.commands.recv() => Wake::Command(command),
            _ = figures.tick() => Wake::Figures,
        }
    }

    async fn handle(&mut self, wake: Wake) {
        let now = self.shared.now_ms();
        match wake {
            Wake::Time => self.member.handle(now, Input::Tick),
            Wake::Figures => self.figures(),
            Wake::Socket(Some(SocketEvent::Frame(_) | SocketEvent::Closed(_))) if self.deaf => {}
            Wake::Command(Some(Command::Deaf)) => self.deaf = true,
            Wake::Command(Some(Command::Line(there))) => self.line(there),
            Wake::Socket(Some(SocketEvent::Open)) => self.member.handle(now, Input::SocketOpen),
            Wake::Socket(Some(SocketEvent::Frame(bytes))) => self.member.handle(now, Input::SocketFrame(&bytes)),
            Wake::Socket(Some(SocketEvent::Closed(code))) => {
                self.socket = None;
                self.member.handle(now, Input::SocketClosed { code });
            }
            Wake::Socket(None) => self.socket = None,
            Wake::Leg(event) => self.leg_event(event),
            Wake::Command(Some(Command::Chat(text))) => self.member.handle(now, Input::Chat { text }),
            Wake::Command(Some(Command::Publish(kind, on))) => self.publish(kind, on),
            Wake::Command(Some(Command::SafetyNumber)) => self.member.handle(now, Input::ShowSafetyNumber),
            Wake::Command(Some(Command::Decide(input))) => self.member.handle(now, input),
            // A bot whose handle is gone leaves as a person who closes the page would be taken to have left.
            Wake::Command(Some(Command::Leave) | None) => self.member.handle(now, Input::Leave),
        }
    }

    /// Cuts the line, as a cable that is pulled: no farewell, and nothing gets through until it is put in again.
    fn line(&mut self, there: bool) {
        if !there {
            self.line = Reach::Cut { wanted: false };
            if self.socket.take().is_some() {
                let code = SOCKET_LOST;
                self.member.handle(self.shared.now_ms(), Input::SocketClosed { code });
            }
        } else if let Reach::Cut { wanted: true } = std::mem::replace(&mut self.line, Reach::There) {
            self.socket = Some(Socket::open(&self.server, 0));
        }
    }

    fn publish(&mut self, kind: Kind, on: bool) {
        if let Some(flag) = self.shared.on.get(usize::from(kind as u8)) {
            flag.store(on, Ordering::Relaxed);
        }
        self.member.handle(
            self.shared.now_ms(),
            Input::Publish {
                kind: track_kind(kind),
                on,
            },
        );
    }

    fn figures(&self) {
        let sealed =
            [0, 1, 2, 3].map(|kind: usize| self.shared.sealed.get(kind).map_or(0, |n| n.load(Ordering::Relaxed)));
        self.view.send_if_modified(|view| {
            let changed = view.sealed != sealed;
            view.sealed = sealed;
            changed
        });
    }

    fn leg_event(&mut self, event: Option<LegEvent>) {
        let Some(media) = &mut self.media else { return };
        match event {
            Some(LegEvent::Connected) => {
                step(&self.view, "connected", true);
                for kind in [Kind::Microphone, Kind::Camera, Kind::Screen, Kind::ScreenAudio] {
                    if let Some(writer) = media.leg.writer(kind) {
                        media
                            .publishers
                            .push(tokio::spawn(publish(Arc::clone(&self.shared), kind, writer)));
                    }
                }
            }
            Some(LegEvent::KeyFrameWanted(kind)) => {
                if let Some(wanted) = self.shared.key_frame_wanted.get(usize::from(kind as u8)) {
                    wanted.store(true, Ordering::Relaxed);
                }
            }
            Some(LegEvent::Packet { line, packet }) => {
                let Some(described) = media.leg.lines.get(line) else {
                    return;
                };
                self.view
                    .send_if_modified(|view| media.subscriptions.packet(&self.shared, line, described, &packet, view));
            }
            Some(LegEvent::Failed) | None => {
                step(&self.view, "failed", false);
                self.media = None;
            }
        }
    }

    async fn outputs(&mut self) {
        while let Some(output) = self.member.poll_output() {
            match output {
                Output::OpenSocket { after_ms } => match &mut self.line {
                    Reach::There => self.socket = Some(Socket::open(&self.server, after_ms)),
                    Reach::Cut { wanted } => *wanted = true,
                },
                Output::CloseSocket => {
                    if let Some(socket) = self.socket.take() {
                        socket.close().await;
                    }
                }
                Output::Send { high, bytes } => {
                    if let Some(socket) = &self.socket {
                        if !high {
                            self.view.send_modify(|view| view.submitted += bytes.len());
                        }
                        socket.send(high, bytes);
                    }
                }
                // Native members reach the media port themselves; the way around is for browsers.
                Output::Relay { .. } => {}
                Output::NeedOffer | Output::IceRestart => self.offer().await,
                Output::ApplyAnswer { sdp } => {
                    let Some(media) = &self.media else { continue };
                    let applied = media.leg.answer(sdp).await.is_ok();
                    self.step(if applied { "answer" } else { "answer refused" }, false);
                }
                Output::Keys(keys) => {
                    if let Some(record) = &self.shared.record {
                        record.base_key(&keys.base_key);
                    }
                    self.shared.crypto.take(self.shared.now_ms(), &keys);
                    self.view.send_modify(|view| view.epoch = Some(keys.epoch));
                }
                Output::Hold(hold) => self.shared.crypto.lock().sender.hold(hold),
                Output::Expect { mid, track, .. } => {
                    if let Some(media) = &mut self.media {
                        media
                            .subscriptions
                            .expect(mid, track.map(|track| *track.transport.as_bytes()));
                    }
                }
                Output::PreferCodec(codec) => self.shared.codec.store(codec, Ordering::Relaxed),
                Output::Place(bytes) => self.view.send_modify(|view| view.place = Some(bytes.to_vec())),
                Output::PlaceGone => self.view.send_modify(|view| view.place = None),
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn step(&self, what: &'static str, connected: bool) {
        step(&self.view, what, connected);
    }

    /// Makes a fresh connection; an ICE restart is one too, as the webrtc crate's sockets are bound once.
    async fn offer(&mut self) {
        if let Some(old) = self.media.take() {
            old.leg.close().await;
        }
        self.step("offer", false);
        let Ok((leg, events)) = Leg::new(&self.codecs).await else {
            self.step("no offer could be made", false);
            return;
        };
        let now = self.shared.now_ms();
        let mids = leg
            .lines
            .iter()
            .map(|line| MidRole {
                mid: line.mid.clone(),
                role: core_role(line.role),
            })
            .collect();
        self.member.handle(now, Input::MediaReady { mids });
        self.member.handle(now, Input::LocalOffer { sdp: leg.offer.clone() });
        self.media = Some(Media {
            leg,
            events,
            subscriptions: Subscriptions::default(),
            publishers: Vec::new(),
        });
    }

    fn event(&self, event: Event) {
        self.view.send_modify(|view| match event {
            Event::State(state) => view.state = state,
            Event::Roster(roster) => {
                view.roster = roster
                    .into_iter()
                    .map(|entry| Person {
                        name: entry.name,
                        is_self: entry.is_self,
                        leaf: entry.leaf,
                        transport: *entry.transport_id.as_bytes(),
                        camera: entry.camera,
                        microphone: entry.microphone,
                        screen: entry.screen,
                        member_id: entry.member_id,
                        role: entry.role,
                        invite: entry.invite,
                    })
                    .collect();
                view.names
                    .extend(view.roster.iter().map(|person| (person.transport, person.name.clone())));
            }
            Event::Chat {
                name, text, mine, line, ..
            } => view.chat.push(Line {
                name,
                text,
                mine,
                line,
                unsure: false,
            }),
            Event::Unsure { line } => {
                for told in view.chat.iter_mut().filter(|told| told.line == line) {
                    told.unsure = true;
                }
            }
            Event::Arrived { name } => view.arrived.push(name),
            Event::Returned { name } => view.returned.push(name),
            Event::Departed { name, reason } => view.departed.push((name, reason)),
            Event::SafetyNumber(digits) => {
                view.safety_number = Some((view.epoch.unwrap_or(0), digits));
                view.safety_numbers += 1;
            }
            Event::Alarms(alarms) => view.alarms = alarms,
            Event::Compare(compare) => view.compare = Some(compare),
            Event::CompareOver { .. } => view.compare = None,
            Event::Notice(code) => view.notices.push(code),
            Event::Lobby(entries) => view.lobby = entries,
            Event::Rules(rules) => view.rules = Some(rules),
            Event::WaitingCode(code) => view.waiting_code = Some(code),
            Event::Invite(invite) => view.invites.push((invite.serial, invite.fragment.to_string())),
            Event::LinkChanged(fragment) => view.link = Some(fragment.to_string()),
            Event::Credential(text) => view.credential = Some(text.to_string()),
            Event::Reaction { .. } | Event::Door(_) | Event::Title(_) => {}
        });
    }
}

/// Notes what became of the media connection.
fn step(view: &watch::Sender<View>, what: &'static str, connected: bool) {
    view.send_modify(|view| {
        view.connected = connected;
        view.steps.push(what);
    });
}

fn track_kind(kind: Kind) -> TrackKind {
    match kind {
        Kind::Microphone => TrackKind::Microphone,
        Kind::Camera => TrackKind::Camera,
        Kind::Screen => TrackKind::Screen,
        Kind::ScreenAudio => TrackKind::ScreenAudio,
    }
}

fn core_role(role: Role) -> CoreRole {
    match role {
        Role::Publish(kind) => CoreRole::Publish(track_kind(kind)),
        Role::AudioSlot(pair) => CoreRole::AudioSlot(pair),
        Role::CameraSlot(pair) => CoreRole::CameraSlot(pair),
        Role::ScreenSlot => CoreRole::ScreenSlot,
        Role::ScreenAudioSlot => CoreRole::ScreenAudioSlot,
    }
}
