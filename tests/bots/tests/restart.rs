//! A restart under a live call: the service manager keeps the sockets, the members keep the group, nobody asks again.

use std::time::{Duration, Instant};

use conclave_bots::{Bot, BotError, Kind, View, activator::Activator, server};

/// What an operator is promised: from the signal that ends the old server to sound and picture between all members.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// Frames of each kind that must come after the restart: more than what may have been on its way before.
const ENOUGH: u64 = 10;

const NAMES: [&str; 3] = ["Ada", "Bo", "Cy"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_are_back_within_five_seconds_of_a_restart_and_of_a_crash_without_asking_again() -> Result<(), BotError>
{
    let mut manager = Activator::new("restart");
    manager.start();
    let link = server::room_on(&manager.data_dir(), manager.name(), "restart").await;
    let bots = Bot::join_in_turn(&link.to_url(&conclave::config::origin(manager.name())), &NAMES).await?;
    let all: Vec<&Bot> = bots.iter().collect();
    Bot::all_see(&all, &NAMES).await?;
    for to in &all {
        for from in NAMES.iter().filter(|name| **name != to.name()) {
            to.receives(from, Kind::Microphone, ENOUGH).await?;
            to.receives(from, Kind::Camera, ENOUGH).await?;
        }
    }

    for signal in ["TERM", "KILL"] {
        let before: Vec<View> = bots.iter().map(Bot::view).collect();
        let since = Instant::now();
        let status = manager.end(signal);
        assert_eq!(status.success(), signal == "TERM", "the server's own end: {status}");
        manager.start();
        for (bot, before) in bots.iter().zip(&before) {
            let heard_again = |view: &View| {
                NAMES.iter().filter(|name| **name != bot.name()).all(|name| {
                    [Kind::Microphone, Kind::Camera]
                        .into_iter()
                        .all(|kind| view.received(name, kind).opened >= before.received(name, kind).opened + ENOUGH)
                })
            };
            let left = BACK_WITHIN.saturating_sub(since.elapsed());
            let what = format!("sound and picture of all within 5 s of {signal}");
            let view = bot.wait_within(left, &what, heard_again).await?;
            assert!(view.in_call(), "{} is not in the call", bot.name());
            assert_eq!(view.names(), before.names(), "the roster changed");
            assert!(
                view.arrived == before.arrived && view.departed == before.departed,
                "somebody left or had to ask again"
            );
        }
        let back = since.elapsed();
        assert!(back <= BACK_WITHIN, "{signal}: {back:?}");
    }

    // The call is whole: words pass too, and a newcomer finds it.
    bots[0].say("still here").await;
    for bot in &bots {
        bot.wait_for("Ada's line", |view| view.has_chat("Ada", "still here"))
            .await?;
    }
    manager.end("TERM");
    Ok(())
}
