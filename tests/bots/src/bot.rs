//! A native member as tests use it: join, look, wait, speak, leave.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64},
    },
    time::Duration,
};

use conclave_core::{Input, Member, Options, Owner, OwnerKey};
use conclave_frame::{Codec, Kind};
use conclave_protocol::{
    credential::HostCredential,
    invite::Invite,
    link::{GuestLink, Link},
    moderator::ModeratorKey,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    engine::{Command, Engine},
    error::BotError,
    media::{
        clip::Clip,
        crypto::Crypto,
        publish::{Cheat, Shared},
    },
    record::Record,
    server::today,
    view::{Stats, View},
};

/// How long anything in a call may take before a test fails. Joining is a second on an idle machine; the rest is
/// for a machine that also builds.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How long leaving waits for the signed word to be out.
const LEAVING: Duration = Duration::from_secs(10);

/// Commands waiting for a bot.
const COMMANDS: usize = 64;

/// What a bot is like.
#[derive(Clone)]
pub struct BotOptions {
    /// Sends sound from the start.
    pub microphone: bool,
    /// Sends a picture from the start.
    pub camera: bool,
    /// Shares a screen from the start.
    pub screen: bool,
    /// Video codecs that it knows, best first.
    pub codecs: Vec<Codec>,
    /// A clip in place of the pattern.
    pub clip: Option<Arc<Clip>>,
    /// Keeps what a scan looks for.
    pub record: Option<Arc<Record>>,
    /// The record of an older bot's place, which this one takes back.
    pub place: Option<Vec<u8>>,
    /// Misbehaves.
    pub cheat: Cheat,
    /// The owner's key.
    pub owner: Option<HostCredential>,
    /// A moderator's key, for whoever has not the owner's.
    pub moderator: Option<ModeratorKey>,
    /// A personal invite that came with the link.
    pub invite: Option<Invite>,
}

impl Default for BotOptions {
    fn default() -> Self {
        Self {
            microphone: true,
            camera: true,
            screen: false,
            codecs: vec![Codec::Vp9, Codec::Vp8],
            clip: None,
            record: None,
            place: None,
            cheat: Cheat::No,
            owner: None,
            moderator: None,
            invite: None,
        }
    }
}

impl BotOptions {
    /// Somebody who is heard and not seen: calls in which pictures are not the point stay cheap.
    #[must_use]
    pub fn heard() -> Self {
        Self {
            camera: false,
            ..Self::default()
        }
    }

    /// The same, with a moderator's key.
    #[must_use]
    pub fn moderator(key: &ModeratorKey) -> Self {
        Self {
            moderator: Some(key.clone()),
            ..Self::heard()
        }
    }

    /// The same, with the owner's key.
    #[must_use]
    pub fn host(credential: &HostCredential) -> Self {
        Self {
            owner: Some(credential.clone()),
            ..Self::heard()
        }
    }
}

/// A running bot. Dropping it stops it on the spot, as if its tab were killed.
pub struct Bot {
    id: u64,
    name: String,
    commands: mpsc::Sender<Command>,
    view: watch::Receiver<View>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Bot {
    /// Starts a bot on its way into the room of a guest link. It does not wait; see [`Bot::in_call`].
    ///
    /// # Errors
    /// If the link or the name cannot be used.
    pub fn join(link: &str, name: &str, options: BotOptions) -> Result<Self, BotError> {
        match Link::parse(link) {
            Ok(Link::Guest(link)) => Self::join_parsed(&link, name, options),
            Ok(Link::Invite(link)) => {
                let invite = Some(link.invite);
                Self::join_parsed(&link.guest, name, BotOptions { invite, ..options })
            }
            _ => Err(BotError::Link),
        }
    }

    /// Starts one bot for each name: the first founds the call, the others come to it together.
    ///
    /// # Errors
    /// As [`Bot::join`], and if the first does not get in.
    pub async fn join_in_turn(link: &str, names: &[&str]) -> Result<Vec<Self>, BotError> {
        let mut bots = Vec::new();
        for name in names {
            bots.push(Self::join(link, name, BotOptions::default())?);
            if let [founder] = bots.as_slice() {
                founder.in_call().await?;
            }
        }
        Ok(bots)
    }

    /// As [`Bot::join`], with a link that was read already (or tampered with).
    ///
    /// # Errors
    /// If the link or the name cannot be used.
    pub fn join_parsed(link: &GuestLink, name: &str, options: BotOptions) -> Result<Self, BotError> {
        let server = link.servers.first().ok_or(BotError::NoServer)?.clone();
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| BotError::Randomness)?;
        let known = options.codecs.iter().fold(0u8, |bits, codec| match codec {
            Codec::Vp8 => bits | 1,
            Codec::Vp9 => bits | 2,
            Codec::Av1 => bits | 4,
            Codec::Opus => bits,
        });
        let moderator = options.moderator.as_ref().map(OwnerKey::Moderator);
        let key = options.owner.as_ref().map(OwnerKey::Credential).or(moderator);
        let owner = key.map(|key| Owner { key, today: today() });
        let core_options = Options {
            owner,
            invite: options.invite.as_ref(),
            seed,
            place: options.place.as_deref(),
        };
        let member = Member::new(link, &server, name, known, &core_options)?;
        let id = getrandom::u64().map_err(|_| BotError::Randomness)?;
        let off = || [const { AtomicBool::new(false) }; Kind::COUNT];
        let shared = Arc::new(Shared {
            id,
            start: Instant::now(),
            crypto: Crypto::default(),
            cheat: options.cheat,
            clip: options.clip.clone(),
            record: options.record.clone(),
            codec: AtomicU8::new(options.codecs.first().map_or(Codec::Vp9 as u8, |codec| *codec as u8)),
            on: off(),
            key_frame_wanted: off(),
            sealed: [const { AtomicU64::new(0) }; Kind::COUNT],
        });
        let (commands, orders) = mpsc::channel(COMMANDS);
        let (sight, view) = watch::channel(View::new());
        for (kind, on) in [
            (Kind::Microphone, options.microphone),
            (Kind::Camera, options.camera),
            (Kind::Screen, options.screen),
        ] {
            if on {
                // The queue is empty and longer than this.
                let _ = commands.try_send(Command::Publish(kind, true));
            }
        }
        let engine = Engine::new(member, server, Arc::clone(&shared), options.codecs, sight, orders);
        Ok(Self {
            id,
            name: name.to_owned(),
            commands,
            view,
            shared,
            task: tokio::spawn(engine.run()),
        })
    }

    /// The id in the bot's frames.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its view at this moment.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Waits until the view is as described, at most [`PATIENCE`].
    ///
    /// # Errors
    /// [`BotError::Deadline`] with the sentence, [`BotError::Ended`] if the bot is no more.
    pub async fn wait_for(&self, what: &str, is_so: impl FnMut(&View) -> bool) -> Result<View, BotError> {
        self.wait_within(PATIENCE, what, is_so).await
    }

    /// As [`Bot::wait_for`], with a deadline of its own.
    ///
    /// # Errors
    /// As [`Bot::wait_for`].
    pub async fn wait_within(
        &self,
        patience: Duration,
        what: &str,
        is_so: impl FnMut(&View) -> bool,
    ) -> Result<View, BotError> {
        let mut view = self.view.clone();
        match timeout(patience, view.wait_for(is_so)).await {
            Ok(Ok(view)) => Ok(view.clone()),
            Ok(Err(_)) => Err(BotError::Ended(what.to_owned())),
            Err(_) => Err(self.deadline(what, patience)),
        }
    }

    /// Waits until the bot is in the call.
    ///
    /// # Errors
    /// As [`Bot::wait_for`].
    pub async fn in_call(&self) -> Result<View, BotError> {
        self.wait_for("in the call", View::in_call).await
    }

    /// Waits until the roster has exactly these names.
    ///
    /// # Errors
    /// As [`Bot::wait_for`].
    pub async fn sees(&self, names: &[&str]) -> Result<View, BotError> {
        let mut names = names.to_vec();
        names.sort_unstable();
        self.wait_for("the roster has the expected names", |view| view.names() == names)
            .await
    }

    /// Waits until each of these bots sees exactly these names; a failure tells how each of them stands.
    ///
    /// # Errors
    /// As [`Bot::wait_for`].
    pub async fn all_see(bots: &[&Bot], names: &[&str]) -> Result<(), BotError> {
        for bot in bots {
            if let Err(error) = bot.sees(names).await {
                let stand: Vec<String> = bots.iter().map(|bot| bot.view.borrow().summary()).collect();
                let what = error.to_string();
                return Err(BotError::Deadline {
                    what,
                    seen: stand.join(" | "),
                    waited_ms: PATIENCE.as_millis(),
                });
            }
        }
        Ok(())
    }

    /// Waits until this many frames of a member's track have opened.
    ///
    /// # Errors
    /// As [`Bot::wait_for`].
    pub async fn receives(&self, from: &str, kind: Kind, frames: u64) -> Result<Stats, BotError> {
        let what = format!("{frames} frames of kind {}", kind as u8);
        let view = self
            .wait_for(&what, |view| view.received(from, kind).opened >= frames)
            .await?;
        Ok(view.received(from, kind))
    }

    /// What came of a member's track so far.
    #[must_use]
    pub fn received(&self, from: &str, kind: Kind) -> Stats {
        self.view.borrow().received(from, kind)
    }

    /// Writes into the chat.
    pub async fn say(&self, text: &str) {
        // A bot that has ended says so at the next wait.
        let _ = self.commands.send(Command::Chat(text.to_owned())).await;
    }

    /// Switches one of its tracks.
    pub async fn publish(&self, kind: Kind, on: bool) {
        let _ = self.commands.send(Command::Publish(kind, on)).await;
    }

    /// Decides something about the call or somebody in it.
    pub async fn decide(&self, input: Input<'static>) {
        let _ = self.commands.send(Command::Decide(input)).await;
    }

    /// From now on it hears nothing of what the server says, and goes on receiving media: a removed member that takes no notice.
    pub async fn plays_deaf(&self) {
        let _ = self.commands.send(Command::Deaf).await;
    }

    /// Cuts its line to the server, or mends it. Media have a way of their own and go on.
    pub async fn line(&self, there: bool) {
        let _ = self.commands.send(Command::Line(there)).await;
    }

    /// Its view, for whoever wants to be woken by each change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// The safety number of the present epoch, asked for anew.
    ///
    /// # Errors
    /// As [`Bot::wait_for`].
    pub async fn safety_number(&self) -> Result<String, BotError> {
        let before = self.view.borrow().safety_numbers;
        self.ask_safety_number().await;
        let view = self
            .wait_for("a safety number", |view| view.safety_numbers > before)
            .await?;
        Ok(view.safety_number.map(|(_, digits)| digits).unwrap_or_default())
    }

    /// Asks for the safety number and does not wait for it.
    pub async fn ask_safety_number(&self) {
        let _ = self.commands.send(Command::SafetyNumber).await;
    }

    fn deadline(&self, what: &str, patience: Duration) -> BotError {
        let seen = format!("{}; {}", self.view.borrow().summary(), self.shared.faults());
        BotError::Deadline {
            what: what.to_owned(),
            seen,
            waited_ms: patience.as_millis(),
        }
    }

    /// Leaves with a signed word and waits until it is out.
    ///
    /// # Errors
    /// If it does not end in time.
    pub async fn leave(mut self) -> Result<View, BotError> {
        let _ = self.commands.send(Command::Leave).await;
        let left = timeout(LEAVING, &mut self.task).await;
        match left {
            Ok(_) => Ok(self.view()),
            Err(_) => Err(self.deadline("leaving", LEAVING)),
        }
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.task.abort();
    }
}
