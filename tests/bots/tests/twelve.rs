//! Twelve native members for a minute on the real server: every frame opens, and nothing grows.

use std::time::Duration;

use conclave_bots::{Bot, BotError, BotOptions, Kind, server::TestServer};
use tokio::time::{Instant, sleep, sleep_until};

type Outcome = Result<(), BotError>;

const MEMBERS: usize = 12;
/// One joins after the other, each at a time of its own.
const APART: Duration = Duration::from_millis(2_300);
/// From the first join to the end.
const MINUTE: Duration = Duration::from_secs(65);
/// What is compared with what: a quarter of a minute each, at the end.
const SPAN: Duration = Duration::from_secs(15);
/// After this long from being in, a join may disturb nobody any more.
const SETTLED: Duration = Duration::from_secs(1);
/// Pairs of slots, and so pictures that each member is shown.
const PICTURES: usize = 8;

/// Steady: the second span's mean may be above the first's by the larger of these. The server, twelve members and their media are one process of
/// 100 to 200 MB, whose allocator rounds up; a leak of one frame a second at each member would be 8 MB in a span.
const MARGIN_BYTES: u64 = 6 << 20;
const MARGIN_PERCENT: u64 = 4;

/// Resident memory of this process, which is the server and all members.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_else(|| panic!("no figure of this process's memory")) * 4_096
}

fn rejected(bots: &[Bot]) -> Vec<u64> {
    bots.iter().map(|bot| bot.view().rejected()).collect()
}

/// Waits, and holds that no frame is refused by anybody meanwhile.
async fn quiet_until(bots: &[Bot], until: Instant, memory: &mut Vec<u64>) {
    let before = rejected(bots);
    while Instant::now() < until {
        sleep_until(until.min(Instant::now() + Duration::from_millis(500))).await;
        memory.push(resident_bytes());
    }
    for ((bot, before), now) in bots.iter().zip(before).zip(rejected(bots)) {
        let seen = bot.view().summary();
        assert_eq!(
            now,
            before,
            "of {} members one could not open frames: {seen}",
            bots.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_members_open_every_frame_for_a_minute_in_steady_memory() -> Outcome {
    let server = TestServer::start(None).await;
    let link = server.url(&server.room("twelve").await);
    let start = Instant::now();
    let mut bots: Vec<Bot> = Vec::new();
    let mut unused = Vec::new();
    for n in 0..MEMBERS {
        let bot = Bot::join(&link, &format!("member {n}"), BotOptions::default())?;
        bot.in_call().await?;
        bots.push(bot);
        let in_call = Instant::now();
        sleep(SETTLED).await;
        let next = start + APART * u32::try_from(n + 1).unwrap_or(u32::MAX);
        quiet_until(&bots, next.max(in_call + SETTLED), &mut unused).await;
    }
    let names: Vec<String> = (0..MEMBERS).map(|n| format!("member {n}")).collect();
    let all: Vec<&Bot> = bots.iter().collect();
    Bot::all_see(&all, &names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let joined = start.elapsed();

    let (mut first, mut second) = (Vec::new(), Vec::new());
    let end = (start + MINUTE).max(Instant::now() + 2 * SPAN);
    quiet_until(&bots, end - 2 * SPAN, &mut unused).await;
    quiet_until(&bots, end - SPAN, &mut first).await;
    let before: Vec<_> = bots.iter().map(Bot::view).collect();
    quiet_until(&bots, end, &mut second).await;

    // A minute in which nothing came would be quiet too.
    for (bot, before) in bots.iter().zip(before) {
        let view = bot.view();
        let grows = |kind, by: u64| {
            let more = |name: &&String| view.received(name, kind).opened >= before.received(name, kind).opened + by;
            names.iter().filter(|name| *name != bot.name()).filter(more).count()
        };
        let (pictures, voices) = (grows(Kind::Camera, 60), grows(Kind::Microphone, 300));
        assert!(
            pictures >= PICTURES - 1,
            "{pictures} pictures went on: {}",
            view.summary()
        );
        // Eight have a seat; whoever has one hears seven.
        assert!(voices >= PICTURES - 1, "{voices} voices went on: {}", view.summary());
    }
    let mean = |all: &[u64]| all.iter().sum::<u64>() / u64::try_from(all.len().max(1)).unwrap_or(1);
    let (first, second) = (mean(&first), mean(&second));
    #[expect(clippy::print_stdout, reason = "figures of a passing run, for whoever looks at it")]
    {
        println!("joined after {joined:?}; {} kB, then {} kB", first >> 10, second >> 10);
    }
    let margin = MARGIN_BYTES.max(first * MARGIN_PERCENT / 100);
    assert!(
        second <= first + margin,
        "memory grew from {first} to {second} bytes in {SPAN:?}"
    );
    server.stop().await;
    Ok(())
}
