//! Native members in a call on the real server: they see and hear each other, and only whom they should.

use std::time::Duration;

use conclave_bots::{Bot, BotError, BotOptions, Kind, View, server::TestServer};
use conclave_core::{DepartReason, EndReason};
use conclave_protocol::keys::LinkSecret;

const AUDIO: Kind = Kind::Microphone;
const VIDEO: Kind = Kind::Camera;

/// Frames that make "sees and hears" more than luck: half a second of sound, half a second of pictures.
const ENOUGH: u64 = 10;

/// How long a newcomer who is in may wait for the last picture: the promise.
const LATE: Duration = Duration::from_secs(2);
/// What two busy cores may add, while other tests of this file run beside it with a build that is not optimised for them.
const BUSY: Duration = Duration::from_secs(2);

type Outcome = Result<(), BotError>;

/// Bots by these names in one call.
async fn join<const N: usize>(link: &str, names: [&str; N]) -> Result<[Bot; N], BotError> {
    let bots = Bot::join_in_turn(link, &names).await?;
    Ok(bots.try_into().unwrap_or_else(|_| unreachable!("a bot for each name")))
}

/// `to` receives both of `from`'s tracks, and every frame is exactly what `from` made.
async fn meets(to: &Bot, from: &Bot) -> Outcome {
    for kind in [AUDIO, VIDEO] {
        let stats = to.receives(from.name(), kind, ENOUGH).await?;
        assert_eq!(stats.intact, stats.opened, "frames came out changed");
        assert_eq!(stats.last_id, Some(from.id()), "the frames are somebody else's");
    }
    let camera = to.received(from.name(), VIDEO);
    assert!(camera.key_frames >= 1, "a picture began without a key frame");
    let leaf = to
        .view()
        .others()
        .find(|person| person.name == from.name())
        .map(|person| person.leaf);
    assert_eq!(camera.last_leaf, leaf, "the frames came from another leaf");
    Ok(())
}

async fn all_meet(bots: &[&Bot]) -> Outcome {
    let names: Vec<&str> = bots.iter().map(|bot| bot.name()).collect();
    Bot::all_see(bots, &names).await?;
    for to in bots {
        for from in bots.iter().filter(|from| from.name() != to.name()) {
            meets(to, from).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_see_hear_and_read_each_other_and_have_one_safety_number() -> Outcome {
    let server = TestServer::start(None).await;
    let link = server.url(&server.room("three").await);
    let [ada, bo, cy] = join(&link, ["Ada", "Bo", "Cy"]).await?;
    all_meet(&[&ada, &bo, &cy]).await?;

    ada.say("good morning").await;
    for bot in [&ada, &bo, &cy] {
        bot.wait_for("Ada's line", |view| view.has_chat("Ada", "good morning"))
            .await?;
    }
    let numbers = [
        ada.safety_number().await?,
        bo.safety_number().await?,
        cy.safety_number().await?,
    ];
    assert!(
        numbers[0] == numbers[1] && numbers[1] == numbers[2],
        "the numbers differ"
    );
    assert_eq!(numbers[0].chars().filter(char::is_ascii_digit).count(), 20);

    for bot in [ada, bo, cy] {
        bot.leave().await?;
    }
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_fourth_sees_all_within_two_seconds_and_one_who_leaves_disappears() -> Outcome {
    let server = TestServer::start(None).await;
    let link = server.url(&server.room("four").await);
    let [ada, bo, cy] = join(&link, ["Ada", "Bo", "Cy"]).await?;
    all_meet(&[&ada, &bo, &cy]).await?;
    let before = ada.safety_number().await?;

    let dee = Bot::join(&link, "Dee", BotOptions::default())?;
    dee.in_call().await?;
    let everybody = |view: &View| {
        ["Ada", "Bo", "Cy"]
            .iter()
            .all(|name| view.received(name, VIDEO).opened > 0)
    };
    dee.wait_within(
        LATE + BUSY,
        "all three pictures within two seconds of being in",
        everybody,
    )
    .await?;
    all_meet(&[&ada, &bo, &cy, &dee]).await?;
    let with_dee = ada.safety_number().await?;
    assert_ne!(before, with_dee, "the number did not change when somebody came");

    let epoch = ada.view().epoch;
    bo.leave().await?;
    for bot in [&ada, &cy, &dee] {
        bot.sees(&["Ada", "Cy", "Dee"]).await?;
        let view = bot.wait_for("keys without Bo", |view| view.epoch > epoch).await?;
        assert_eq!(view.departed, [("Bo".to_owned(), DepartReason::Left)]);
    }
    let numbers = [
        ada.safety_number().await?,
        cy.safety_number().await?,
        dee.safety_number().await?,
    ];
    assert!(
        numbers[0] == numbers[1] && numbers[1] == numbers[2],
        "the numbers differ"
    );
    assert_ne!(numbers[0], with_dee, "the number did not change when somebody went");

    // Nothing of Bo's arrives any more, and the others' frames go on.
    let bo_before = dee.received("Bo", AUDIO).opened;
    let ada_before = dee.received("Ada", AUDIO).opened;
    dee.receives("Ada", AUDIO, ada_before + 50).await?;
    assert_eq!(
        dee.received("Bo", AUDIO).opened,
        bo_before,
        "somebody who left is still heard"
    );
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_with_the_right_room_gets_nothing() -> Outcome {
    let server = TestServer::start(None).await;
    let right = server.room("secret").await;
    let link = server.url(&right);
    let [ada, bo] = join(&link, ["Ada", "Bo"]).await?;
    all_meet(&[&ada, &bo]).await?;
    let epoch = ada.view().epoch;

    let mut wrong = right.clone();
    wrong.link_secret = LinkSecret::from_bytes([0x5A; 32]);
    let eve = Bot::join_parsed(&wrong, "Eve", BotOptions::default())?;
    let view = eve.wait_for("an end", |view| view.ended().is_some()).await?;
    assert_eq!(view.ended(), Some(EndReason::NotAllowed));
    assert!(view.roster.is_empty() && view.chat.is_empty() && view.opened() == 0 && view.epoch.is_none());
    assert_eq!(ada.view().names(), ["Ada", "Bo"]);
    assert_eq!(ada.view().epoch, epoch, "a stranger moved the group");
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_without_vp9_brings_everybody_to_vp8() -> Outcome {
    let server = TestServer::start(None).await;
    let link = server.url(&server.room("codecs").await);
    let [ada] = join(&link, ["Ada"]).await?;
    let old = BotOptions {
        codecs: vec![conclave_bots::Codec::Vp8],
        ..BotOptions::default()
    };
    let bo = Bot::join(&link, "Bo", old)?;
    all_meet(&[&ada, &bo]).await?;
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_that_is_switched_off_and_on_again_comes_back() -> Outcome {
    let server = TestServer::start(None).await;
    let link = server.url(&server.room("camera").await);
    let [ada, bo] = join(&link, ["Ada", "Bo"]).await?;
    all_meet(&[&ada, &bo]).await?;
    let shows = |on: bool| move |view: &View| view.others().any(|person| person.name == "Ada" && person.camera == on);
    ada.publish(VIDEO, false).await;
    bo.wait_for("Ada's camera is off", shows(false)).await?;
    let seen = bo.received("Ada", VIDEO).opened;
    ada.publish(VIDEO, true).await;
    bo.wait_for("Ada's camera is on", shows(true)).await?;
    bo.receives("Ada", VIDEO, seen + ENOUGH).await?;
    server.stop().await;
    Ok(())
}

/// Whoever finds nobody founds a call; those who founded at the same moment must end up in one, and soon: people who
/// meet at nine click at nine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_who_open_the_link_at_the_same_moment_meet() -> Outcome {
    let server = TestServer::start(None).await;
    for round in 0..4 {
        let link = server.url(&server.room(&format!("round {round}")).await);
        let bots = ["Ada", "Bo", "Cy"].map(|name| Bot::join(&link, name, BotOptions::default()));
        let [ada, bo, cy] = bots;
        all_meet(&[&ada?, &bo?, &cy?]).await?;
    }
    server.stop().await;
    Ok(())
}
