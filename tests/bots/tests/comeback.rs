//! Members that lost their state, and newcomers: nobody is taken for a stranger, and nothing said after a welcome is lost.

use std::time::Duration;

use tokio::time::sleep;

use conclave_bots::{Bot, BotError, BotOptions, Kind, View, server::TestServer};
use conclave_core::NoticeCode;

type Outcome = Result<(), BotError>;

/// Frames that make "sees and hears" more than luck.
const ENOUGH: u64 = 10;

/// A refused line is written again so often, in all for ten seconds: longer than a way back takes.
const GIVEN_TIMES: u32 = 100;
const GIVEN_AGAIN: Duration = Duration::from_millis(100);

fn transport_of(view: &View, name: &str) -> Option<[u8; 16]> {
    view.roster
        .iter()
        .find(|person| person.name == name)
        .map(|person| person.transport)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tab_that_was_loaded_again_takes_its_place_back() -> Outcome {
    let server = TestServer::start(None).await;
    let link = server.url(&server.room("comeback").await);
    let [ada, bo, cy]: [Bot; 3] = Bot::join_in_turn(&link, &["Ada", "Bo", "Cy"])
        .await?
        .try_into()
        .unwrap_or_else(|_| unreachable!("a bot for each name"));
    let names = ["Ada", "Bo", "Cy"];
    Bot::all_see(&[&ada, &bo, &cy], &names).await?;
    ada.receives("Bo", Kind::Camera, ENOUGH).await?;
    let (before, arrived) = (transport_of(&ada.view(), "Bo"), ada.view().arrived.len());
    let place = bo.view().place;
    assert!(place.is_some(), "no record of the place was given");
    // The tab goes without a word; all that is left of it is the record.
    drop(bo);
    let options = BotOptions {
        place,
        ..BotOptions::default()
    };
    let bo = Bot::join(&link, "Bo", options)?;
    bo.in_call().await?;
    Bot::all_see(&[&ada, &bo, &cy], &names).await?;
    bo.wait_for("word that the place is back", |view| {
        view.notices == [NoticeCode::PlaceBack]
    })
    .await?;
    for from in ["Ada", "Cy"] {
        bo.receives(from, Kind::Camera, ENOUGH).await?;
        bo.receives(from, Kind::Microphone, ENOUGH).await?;
    }
    // The frames of the new tab are shown as the old member's.
    for kind in [Kind::Camera, Kind::Microphone] {
        ada.wait_for("frames of the new tab", |view| {
            view.received("Bo", kind).last_id == Some(bo.id())
        })
        .await?;
    }
    let view = ada.view();
    assert!(
        transport_of(&view, "Bo") == before,
        "another transport: a stranger to the server"
    );
    assert!(
        view.departed.is_empty() && view.arrived.len() == arrived,
        "a reload shows as coming or going"
    );
    server.stop().await;
    Ok(())
}

/// Whoever is let in can be spoken to at once: their log opens with the welcome, not with their first request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_right_after_a_welcome_reaches_the_newcomer() -> Outcome {
    let server = TestServer::start(None).await;
    let link = server.url(&server.room("words").await);
    let ada = Bot::join(&link, "Ada", BotOptions::default())?;
    ada.in_call().await?;
    let mut others = Vec::new();
    for n in 0..6 {
        // Being in the call shows a moment before the first keys.
        let epoch = ada.wait_for("keys", |view| view.epoch.is_some()).await?.epoch;
        let bot = Bot::join(&link, &format!("Bo {n}"), BotOptions::default())?;
        // Ada has the new epoch when the server has echoed the commit, which is when it sends the welcome.
        ada.wait_for("the newcomer is in the group", |view| view.epoch > epoch)
            .await?;
        let words = format!("welcome {n}");
        ada.say(&words).await;
        bot.wait_for("the first words", |view| view.has_chat("Ada", &words))
            .await?;
        others.push(bot);
    }
    server.stop().await;
    Ok(())
}

/// Writes a line, whose connection perhaps dies with it. What the core refuses, because the last connection has just gone, is written again, as by somebody whose words
/// are still in the field.
async fn give(bot: &Bot, line: &str, dies: bool) -> Outcome {
    let refused = |view: &View| view.notices.iter().filter(|n| **n == NoticeCode::ChatRefused).count();
    for _ in 0..GIVEN_TIMES {
        let before = refused(&bot.wait_for("is in the call", View::in_call).await?);
        bot.say(line).await;
        if dies {
            bot.line(false).await;
            bot.line(true).await;
        }
        let taken = |view: &View| view.has_chat(bot.name(), line);
        let view = bot
            .wait_for("the line is taken or refused", |v| taken(v) || refused(v) > before)
            .await?;
        if taken(&view) {
            return Ok(());
        }
        sleep(GIVEN_AGAIN).await;
    }
    panic!("{} may not write", bot.name())
}

/// A line given in the moment in which the connection goes may be with the server already or not: either way the others read it, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_given_while_the_connection_dies_is_read_once() -> Outcome {
    let server = TestServer::start(None).await;
    let link = server.url(&server.room("lines").await);
    let [ada, bo]: [Bot; 2] = Bot::join_in_turn(&link, &["Ada", "Bo"])
        .await?
        .try_into()
        .unwrap_or_else(|_| unreachable!("a bot for each name"));
    Bot::all_see(&[&ada, &bo], &["Ada", "Bo"]).await?;
    let mut lines = Vec::new();
    for n in 0..4 {
        let line = format!("line {n}");
        give(&ada, &line, true).await?;
        bo.wait_for("Ada's line", |view| view.has_chat("Ada", &line)).await?;
        lines.push(line);
    }
    // What comes last comes behind everything that is said again.
    give(&ada, "the end", false).await?;
    lines.push("the end".into());
    bo.wait_for("the end", |view| view.has_chat("Ada", "the end")).await?;
    for bot in [&ada, &bo] {
        let view = bot.view();
        let read: Vec<&String> = view.chat.iter().map(|line| &line.text).collect();
        assert!(
            read.into_iter().eq(&lines),
            "{} read a line twice, or not in order",
            bot.name()
        );
        assert!(view.chat.iter().all(|line| !line.unsure));
    }
    server.stop().await;
    Ok(())
}
