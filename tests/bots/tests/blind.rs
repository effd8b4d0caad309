//! What the server received of a call, searched for what it must not have: names, chat, keys, and anything that was
//! given to a sealer. The very same search must hit when one member does not encrypt.

use std::sync::Arc;

use conclave_bots::{Bot, BotError, BotOptions, Cheat, Kind, Record, scan::Runs, server::TestServer, tap::Recorder};
use conclave_protocol::{keys::LinkKeys, link::GuestLink};

const NAMES: [&str; 3] = ["Wilhelmina Canary", "Ottokar Canary", "Philomena Canary"];
const LINES: [&str; 2] = [
    "the canary sings at a quarter past nine",
    "and again at a quarter to ten",
];

/// A call of three on a tapped server. Returns what was searched through and what for.
struct Tapped {
    recorder: Arc<Recorder>,
    records: Vec<Arc<Record>>,
    link: GuestLink,
    title: &'static str,
}

impl Tapped {
    async fn call(cheat: Cheat) -> Result<Self, BotError> {
        let recorder = Arc::new(Recorder::default());
        let server = TestServer::start(Some(recorder.clone())).await;
        let title = "The canary's own room";
        let link = server.room(title).await;
        for text in NAMES.iter().chain(&LINES) {
            conclave::logging::guard::install().plant(text);
        }
        let records: Vec<Arc<Record>> = NAMES.iter().map(|_| Arc::default()).collect();
        let mut bots = Vec::new();
        for (at, (name, record)) in NAMES.iter().zip(&records).enumerate() {
            let cheat = if at == 0 { cheat } else { Cheat::No };
            let options = BotOptions {
                record: Some(record.clone()),
                cheat,
                ..BotOptions::default()
            };
            bots.push(Bot::join_parsed(&link, name, options)?);
            if let [founder] = bots.as_slice() {
                founder.in_call().await?;
            }
        }
        Bot::all_see(&bots.iter().collect::<Vec<_>>(), &NAMES).await?;
        // A newcomer knows the roster from its Welcome a moment before the server counts it among those who get messages;
        // media comes only after that.
        for bot in &bots {
            bot.wait_for("the media connection", |view| view.connected).await?;
        }
        for (bot, line) in bots.iter().skip(1).zip(LINES) {
            bot.say(line).await;
        }
        for bot in &bots {
            bot.wait_for("both lines", |view| {
                view.has_chat(NAMES[1], LINES[0]) && view.has_chat(NAMES[2], LINES[1])
            })
            .await?;
            // The first one's frames open only if it is honest; the others' always do.
            for from in NAMES.iter().skip(1).filter(|from| **from != bot.name()) {
                bot.receives(from, Kind::Camera, 40).await?;
                bot.receives(from, Kind::Microphone, 40).await?;
            }
            bot.safety_number().await?;
        }
        if cheat == Cheat::SendsPlaintext {
            bots[1]
                .wait_for("frames that do not open", |view| view.rejected() > 0)
                .await?;
        }
        for bot in bots {
            bot.leave().await?;
        }
        server.stop().await;
        Ok(Self {
            recorder,
            records,
            link,
            title,
        })
    }

    /// Places in the traffic that agree with 16 bytes of what went into the sealers.
    fn media_hits(&self) -> usize {
        let mut runs = Runs::default();
        self.records.iter().for_each(|record| record.add_to(&mut runs));
        assert!(runs.len() > 50_000, "there is too little to search for");
        self.recorder.media().run_hits(&runs) + self.recorder.socket().run_hits(&runs)
    }

    fn hits(&self, needle: &[u8]) -> usize {
        self.recorder.media().needle_hits(needle) + self.recorder.socket().needle_hits(needle)
    }

    fn assert_taps_saw_a_call(&self) {
        let (media, socket) = (self.recorder.media(), self.recorder.socket());
        assert!(media.bytes() > 100_000, "the tap saw no media: {} bytes", media.bytes());
        assert!(
            socket.bytes() > 20_000,
            "the tap saw no socket messages: {} bytes",
            socket.bytes()
        );
        assert_eq!(media.dropped() + socket.dropped(), 0, "the recording is not complete");
        assert!(
            socket.needle_hits(b"a=setup:passive") > 0,
            "the search does not find the server's own answer"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_receives_no_name_no_chat_no_key_and_no_sixteen_bytes_of_media() -> Result<(), BotError> {
    let tapped = Tapped::call(Cheat::No).await?;
    tapped.assert_taps_saw_a_call();
    assert_eq!(tapped.media_hits(), 0, "media passed in the clear");
    for word in NAMES.iter().chain(&LINES).chain([&tapped.title]) {
        assert_eq!(
            tapped.hits(word.as_bytes()),
            0,
            "a name, a line of chat or the title passed in the clear"
        );
    }
    // Single words too: a name cut at a block's edge must not slip through.
    for word in ["Canary", "Wilhelmina", "Ottokar", "Philomena", "quarter"] {
        assert_eq!(
            tapped.hits(word.as_bytes()),
            0,
            "a word of a name or a line passed in the clear"
        );
    }
    let keys = LinkKeys::derive(&tapped.link.link_secret);
    let server = tapped.link.servers.first().map(|server| keys.admission_seed(server));
    let mut secrets = vec![
        tapped.link.link_secret.expose().to_vec(),
        keys.envelope().expose().to_vec(),
        keys.psk().expose().to_vec(),
        keys.sheet().expose().to_vec(),
        tapped.link.room_fp.as_bytes().to_vec(),
    ];
    secrets.extend(server.map(|seed| seed.to_vec()));
    let base_keys: Vec<_> = tapped.records.iter().flat_map(|record| record.base_keys()).collect();
    assert!(base_keys.len() >= 3, "no base keys were recorded");
    secrets.extend(base_keys.iter().map(|key| key.to_vec()));
    for secret in &secrets {
        assert_eq!(tapped.hits(secret), 0, "a secret passed in the clear");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_search_finds_a_member_that_does_not_encrypt() -> Result<(), BotError> {
    let tapped = Tapped::call(Cheat::SendsPlaintext).await?;
    tapped.assert_taps_saw_a_call();
    let hits = tapped.media_hits();
    assert!(hits > 10_000, "only {hits} places found");
    Ok(())
}
