//! A room of 250 on the real server: the 251st is told that it is full, whoever lost their line keeps the place, and the call goes on.
//!
//! Two talk; the others come in by the real path and then sleep, as in hidden tabs. What 250 who are awake need of a machine is a question for `./x bench membership`.

use std::time::Duration;

use conclave_bots::{
    Bot, BotError, BotOptions, Kind,
    dormant::{Asleep, Crowd},
    server::TestServer,
};
use conclave_core::{EndReason, limits::MAX_MEMBERS};

type Outcome = Result<(), BotError>;

/// How long the room may take to fill. Members who sleep are missed after 90 s, so that a test that took longer would not have 250 at once.
const FILLING: Duration = Duration::from_secs(75);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_and_fifty_are_in_a_call_and_the_251st_is_told_that_the_room_is_full() -> Outcome {
    let server = TestServer::start(None).await;
    let link = server.url(&server.room("full").await);
    let ada = Bot::join(&link, "Ada", BotOptions::heard())?;
    ada.in_call().await?;
    let bo = Bot::join(&link, "Bo", BotOptions::heard())?;
    bo.in_call().await?;
    let mut crowd = Crowd::default();
    crowd.fill(&ada, &link, (MAX_MEMBERS, Asleep::Joined), FILLING).await?;
    bo.wait_for("all 250", |v| v.roster.len() == MAX_MEMBERS).await?;

    let late = Bot::join(&link, "Mallory", BotOptions::heard())?;
    let told = late.wait_for("told", |v| v.ended().is_some()).await?;
    assert_eq!(told.ended(), Some(EndReason::RoomFull));
    assert!(told.epoch.is_none() && told.roster.is_empty());

    // The call goes on at that size: words and sound.
    ada.say("all of us").await;
    bo.wait_for("Ada's line", |v| v.has_chat("Ada", "all of us")).await?;
    let heard = bo.received("Ada", Kind::Microphone).opened;
    bo.receives("Ada", Kind::Microphone, heard + 10).await?;
    assert_eq!(ada.view().roster.len(), MAX_MEMBERS);

    // One line less at the server, and as many leaves as before: the place is still somebody's, and the group takes nobody else.
    crowd.lose_one();
    let next = Bot::join(&link, "Mallory", BotOptions::heard())?;
    let told = next.wait_for("told", |v| v.ended().is_some()).await?;
    assert_eq!(told.ended(), Some(EndReason::RoomFull));
    assert_eq!(ada.view().roster.len(), MAX_MEMBERS);
    // A member who says goodbye makes room.
    bo.leave().await?;
    ada.wait_for("Bo is gone", |v| v.roster.len() < MAX_MEMBERS).await?;
    let comes = Bot::join(&link, "Mallory", BotOptions::heard())?;
    comes.in_call().await?;
    ada.wait_for("Mallory is there", |v| v.roster.iter().any(|p| p.name == "Mallory"))
        .await?;
    assert_eq!(ada.view().roster.len(), MAX_MEMBERS);
    drop((ada, late, next, comes, crowd));
    server.stop().await;
    Ok(())
}
