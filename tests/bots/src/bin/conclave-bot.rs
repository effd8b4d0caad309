//! A native member as a process of its own: joins, prints what happens as JSON lines, obeys lines on its input.
//!
//! It is a tool of the browser tests: names and texts on its output are the tests' own.

use std::{collections::BTreeMap, io::Write as _, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use conclave_bots::{Bot, BotError, BotOptions, Codec, Kind, View, input, media::clip::Clip};
use serde_json::{Value, json};
use tokio::time::{Instant, interval, sleep_until};

/// A clip of a recorded picture, so that browsers can decode what the bot sends.
const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/vp9-320x180.ivf");

/// How often the view is compared with what was printed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often figures of media are printed.
const FIGURES_EVERY: Duration = Duration::from_secs(1);

/// A member of a call without a screen.
#[derive(Parser)]
#[command(name = "conclave-bot")]
struct Arguments {
    /// Guest link of the room
    #[arg(long)]
    link: String,
    /// Name under which to join
    #[arg(long)]
    name: String,
    /// Leave after this time
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// IVF clip to send as the camera's picture; `none` sends marked bytes that no decoder takes
    #[arg(long, default_value = CLIP)]
    clip: String,
    /// Knows VP8 only
    #[arg(long)]
    vp8_only: bool,
    /// Sends no sound
    #[arg(long)]
    no_microphone: bool,
    /// Sends no picture
    #[arg(long)]
    no_camera: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed; the exit code says it too.
            let _ = writeln!(std::io::stderr(), "conclave-bot: error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), BotError> {
    let codecs = if arguments.vp8_only {
        vec![Codec::Vp8]
    } else {
        vec![Codec::Vp9, Codec::Vp8]
    };
    let clip = (arguments.clip != "none")
        .then(|| Clip::load(&PathBuf::from(&arguments.clip)).ok())
        .flatten();
    // A clip in a codec that the bot does not claim to know would be a picture that nobody expects.
    let clip = clip.filter(|clip| codecs.contains(&clip.codec)).map(Arc::new);
    let options = BotOptions {
        microphone: !arguments.no_microphone,
        camera: !arguments.no_camera,
        codecs,
        clip,
        ..BotOptions::default()
    };
    let bot = Bot::join(&arguments.link, &arguments.name, options)?;
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let mut printed = Printed::default();
    let mut look = interval(LOOK_EVERY);
    let mut figures = interval(FIGURES_EVERY);
    let mut lines = input::lines();
    let mut input_open = true;
    loop {
        tokio::select! {
            () = sleep_until(end) => break,
            _ = look.tick() => {
                let view = bot.view();
                if printed.epoch != view.epoch && view.in_call() {
                    printed.epoch = view.epoch;
                    bot.ask_safety_number().await;
                }
                printed.news(&view);
                if view.ended().is_some() {
                    return Ok(());
                }
            }
            _ = figures.tick() => print_figures(&bot.view()),
            line = lines.recv(), if input_open => match line {
                Some(line) => match line.split_once(' ').unwrap_or((&line, "")) {
                    ("chat", text) => bot.say(text).await,
                    ("camera", on) => bot.publish(Kind::Camera, on == "on").await,
                    ("microphone", on) => bot.publish(Kind::Microphone, on == "on").await,
                    ("leave", _) => break,
                    _ => print(&json!({"event": "unknown_command"})),
                },
                None => input_open = false,
            }
        }
    }
    let view = bot.leave().await?;
    printed.news(&view);
    Ok(())
}

/// What has been said already.
#[derive(Default)]
struct Printed {
    state: Option<String>,
    roster: Option<Vec<String>>,
    chat: usize,
    safety_number: Option<(u64, String)>,
    epoch: Option<u64>,
    notices: usize,
}

impl Printed {
    fn news(&mut self, view: &View) {
        let state = snake(&format!("{:?}", view.state));
        if self.state.as_ref() != Some(&state) {
            match view.ended() {
                Some(reason) => {
                    print(&json!({"event": "state", "state": "ended", "reason": snake(&format!("{reason:?}"))}))
                }
                None => print(&json!({"event": "state", "state": state})),
            }
            self.state = Some(state);
        }
        let roster: Vec<String> = view.names().into_iter().map(str::to_owned).collect();
        if self.roster.as_ref() != Some(&roster) {
            print(&json!({"event": "roster", "names": roster}));
            self.roster = Some(roster);
        }
        for line in view.chat.iter().skip(self.chat) {
            print(&json!({"event": "chat", "from": line.name, "text": line.text}));
        }
        self.chat = view.chat.len();
        if let Some((epoch, digits)) = &view.safety_number
            && self.safety_number.as_ref() != view.safety_number.as_ref()
        {
            print(&json!({"event": "safety_number", "digits": digits, "epoch": epoch}));
            self.safety_number.clone_from(&view.safety_number);
        }
        for notice in view.notices.iter().skip(self.notices) {
            print(&json!({"event": "notice", "code": snake(&format!("{notice:?}"))}));
        }
        self.notices = view.notices.len();
    }
}

fn print_figures(view: &View) {
    let kinds = [
        (Kind::Microphone, "microphone"),
        (Kind::Camera, "camera"),
        (Kind::Screen, "screen"),
    ];
    let names: BTreeMap<&str, ()> = view.others().map(|person| (person.name.as_str(), ())).collect();
    for name in names.keys() {
        for (kind, word) in kinds {
            let stats = view.received(name, kind);
            if stats.opened + stats.rejected > 0 {
                print(&json!({
                    "event": "media", "from": name, "kind": word, "opened": stats.opened, "rejected": stats.rejected,
                    "capture_ms": stats.last_capture_ms, "leaf": stats.last_leaf,
                }));
            }
        }
    }
    print(&json!({"event": "sending", "connected": view.connected, "sealed": view.sealed}));
}

/// `InCall` as `in_call`; what stands in brackets is left out.
fn snake(name: &str) -> String {
    let name = name.split('(').next().unwrap_or(name);
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

fn print(value: &Value) {
    // A closed output means that nobody reads any more; the bot goes on until its time is over.
    let _ = writeln!(std::io::stdout().lock(), "{value}");
}
