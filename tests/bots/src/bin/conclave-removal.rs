//! How fast a removal takes effect, and how fast a room fills: the part of `./x bench membership` that needs a server. Figures as one line of JSON.
//!
//! Live members have sound and process everything; the others are awake until the tree is warm, and are leaves from then on ([`conclave_bots::dormant`]). Where nobody is removed, the
//! question is how fast one committer and the server let people in, and whoever is in goes. Whoever is removed hears nothing of it, as a client would that does not want to: what still
//! arrives at it, and what of that it can still open, are the two figures. One line of its input is obeyed: `go` when everybody else who takes part is on the way.

use std::{io::Write as _, process::ExitCode, time::Duration};

use clap::Parser;
use conclave_bots::{
    Bot, BotError, BotOptions, View,
    dormant::{Asleep, Crowd},
    input,
};
use conclave_core::Input;
use conclave_protocol::credential::HostCredential;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

/// How long the whole room may take to fill.
const FILLING: Duration = Duration::from_secs(120);
/// How long nothing may come at a removed member before it is taken to be cut off. Voice comes every 20 ms.
const QUIET: Duration = Duration::from_millis(1_500);
/// How long a removed member is looked at: twenty times the aim for forwarding. What still arrives then is not being cut off.
const LONGEST: Duration = Duration::from_secs(6);
/// The call is warm when nobody has renewed their keys for so long: after the largest commit the next one to do it waits for a third of this, and machines are slow.
const WARM: Duration = Duration::from_secs(30);
/// The same when only the live members are awake, whose part of the tree is small. The leaves are missed 75 s after they were lost.
const WARM_AGAIN: Duration = Duration::from_secs(7);
/// How long that may take: a minute by the members' own pauses, and here one machine plays all of them.
const WARMING: Duration = Duration::from_secs(300);
/// Between removals, so that each begins in a call at rest.
const REST: Duration = Duration::from_millis(700);

/// Members of a call in which somebody is removed.
#[derive(Parser)]
#[command(name = "conclave-removal")]
struct Arguments {
    /// Guest link of the room
    #[arg(long)]
    link: String,
    /// The owner's working key, as text
    #[arg(long)]
    owner: String,
    /// Native members who take part, the host among them
    #[arg(long)]
    live: usize,
    /// Others who come by themselves before `go`
    #[arg(long, default_value_t = 0)]
    guests: usize,
    /// Leaves of people who sleep
    #[arg(long)]
    dormant: usize,
    /// How many of the live members are removed, one after the other
    #[arg(long)]
    removals: usize,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(figures) => {
            say(&figures);
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "conclave-removal: error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn say(value: &Value) {
    let _ = writeln!(std::io::stdout(), "{value}");
}

async fn run(arguments: Arguments) -> Result<Value, BotError> {
    let mut lines = input::lines();
    let owner = HostCredential::parse(&arguments.owner).map_err(|_| BotError::Link)?;
    let options = |owner| BotOptions {
        camera: false,
        owner,
        ..BotOptions::default()
    };
    let host = Bot::join(&arguments.link, "Host", options(Some(owner)))?;
    host.in_call().await?;
    let mut live = Vec::new();
    let first = 2.min(arguments.live);
    for n in 1..first {
        live.push(Bot::join(&arguments.link, &format!("Live {n}"), options(None))?);
    }
    there(&host, first).await?;
    let mut asleep = Crowd::default();
    let mut fill = Filling::default();
    if arguments.removals > 0 {
        // Before anybody sends much: one machine plays all of them, and each has a member's work to do until it sleeps.
        let wanted = (first + arguments.dormant, Asleep::WhenLost);
        fill.joined_s = filled(&mut asleep, &host, &arguments.link, wanted).await?;
        fill.renewed = warm(&host, WARM).await?;
        asleep.lose_all();
    }
    say(&json!({ "event": "open" }));
    if arguments.removals == 0 {
        let wanted = (first + arguments.dormant, Asleep::Away);
        fill.joined_s = filled(&mut asleep, &host, &arguments.link, wanted).await?;
    }
    let leaves = host.view().roster.len();
    // Whoever else takes part comes before the seats are taken.
    if arguments.guests > 0 {
        lines.recv().await;
        there(&host, leaves + arguments.guests).await?;
    }
    for n in first..arguments.live {
        live.push(Bot::join(&arguments.link, &format!("Live {n}"), options(None))?);
    }
    there(&host, leaves + arguments.guests + arguments.live - first).await?;
    if arguments.removals > 0 {
        fill.renewed += warm(&host, WARM_AGAIN).await?;
    }

    let (mut forwarding, mut keys, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..arguments.removals {
        sleep(REST).await;
        let Some(victim) = live.pop() else { break };
        let before = host.view().submitted;
        let (forwarded, opened) = removed(&host, &victim).await?;
        commits.push(host.view().submitted - before);
        forwarding.push(forwarded.map(|time| time.as_secs_f64() * 1_000.0));
        keys.push(opened.as_secs_f64() * 1_000.0);
    }
    let size = host.view().roster.len();
    Ok(json!({
        "joined": arguments.dormant,
        "joined_s": fill.joined_s,
        "leaves": size,
        "renewed": fill.renewed,
        "commit_bytes": commits,
        "forwarding_cut_ms": forwarding,
        "key_cut_ms": keys,
    }))
}

/// How the room was filled.
#[derive(Default)]
struct Filling {
    joined_s: f64,
    /// How many have renewed their keys.
    renewed: u64,
}

/// Fills the room, and says how long that took.
async fn filled(crowd: &mut Crowd, host: &Bot, link: &str, wanted: (usize, Asleep)) -> Result<f64, BotError> {
    let started = Instant::now();
    crowd.fill(host, link, wanted, FILLING).await?;
    Ok(started.elapsed().as_secs_f64())
}

/// Waits until members have renewed their keys as they do by themselves in a large call, and nobody has for `rest`. How many did.
async fn warm(host: &Bot, rest: Duration) -> Result<u64, BotError> {
    let (started, mut view) = (Instant::now(), host.watch());
    let first = view.borrow().epoch;
    while started.elapsed() < WARMING {
        let epoch = view.borrow().epoch;
        if timeout(rest, view.wait_for(|view| view.epoch != epoch)).await.is_err() {
            return Ok(epoch.zip(first).map_or(0, |(last, first)| last - first));
        }
    }
    Err(BotError::Ended("a call that goes on renewing its keys".to_owned()))
}

async fn there(host: &Bot, count: usize) -> Result<(), BotError> {
    let what = format!("{count} members are there");
    host.wait_within(FILLING, &what, |view| view.roster.len() >= count)
        .await
        .map(drop)
}

/// Removes a member that takes no notice. How long after the host's decision the last frame arrived there (`None`: they go on arriving), and how
/// long after it the last one that its key still opened.
async fn removed(host: &Bot, victim: &Bot) -> Result<(Option<Duration>, Duration), BotError> {
    let heard = victim.view().opened();
    victim.wait_for("sound comes", |view| view.opened() > heard + 5).await?;
    let member = victim.view().roster.iter().find(|p| p.is_self).map(|p| p.member_id);
    let member = member.ok_or_else(|| BotError::Ended("a member without itself".to_owned()))?;
    victim.plays_deaf().await;
    let mut view = victim.watch();
    let arrived = |view: &View| view.opened() + view.rejected();
    let started = Instant::now();
    host.decide(Input::Remove { member, bar: true }).await;
    let (mut opened, mut all) = (view.borrow().opened(), arrived(&view.borrow()));
    let (mut last, mut last_opened) = (started, started);
    let mut is_cut = false;
    while !is_cut && started.elapsed() < LONGEST {
        match timeout(QUIET, view.wait_for(|view| arrived(view) > all)).await {
            Ok(Ok(now)) => {
                last = Instant::now();
                if now.opened() > opened {
                    last_opened = last;
                }
                (opened, all) = (now.opened(), arrived(&now));
            }
            Ok(Err(_)) => return Err(BotError::Ended("the removed member".to_owned())),
            Err(_) => is_cut = true,
        }
    }
    host.wait_for("the list is without them", |view| {
        view.roster.iter().all(|p| p.member_id != member)
    })
    .await?;
    if last_opened.elapsed() < QUIET {
        return Err(BotError::Ended("a removal that never took effect".to_owned()));
    }
    Ok((is_cut.then(|| last - started), last_opened - started))
}
