//! Asking to join, roles and moderation on the real server, with sound and pictures.

use std::time::Duration;

use conclave_bots::{Bot, BotError, BotOptions, Kind, View, server::TestServer};
use conclave_core::{EndReason, Input, MemberRole, State};
use conclave_protocol::ids::MemberId;
use tokio::time::Instant;

type Outcome = Result<(), BotError>;

/// From the click to the last frame that the removed one could open: the promise is a second for the key; as much again for a busy machine.
const KEY_CUT: Duration = Duration::from_secs(2);

fn id_of(view: &View, name: &str) -> MemberId {
    let all = &view.roster;
    all.iter().find(|p| p.name == name).expect("not in the list").member_id
}

/// The host, and guests that the host lets in when they ask.
async fn hosted(server: &TestServer, guests: &[&str]) -> Result<Vec<Bot>, BotError> {
    let (link, credential) = server.hosted_room("hosted").await;
    let link = server.url(&link);
    let owner = BotOptions {
        owner: Some(credential),
        ..BotOptions::default()
    };
    let mut bots = vec![Bot::join(&link, "Hope", owner)?];
    bots[0].in_call().await?;
    for name in guests {
        let guest = Bot::join(&link, name, BotOptions::default())?;
        let view = bots[0].wait_for("somebody asks", |v| v.lobby.len() == 1).await?;
        let asks = &view.lobby[0];
        let waits = guest
            .wait_for("waiting with a code", |v| {
                v.state == State::Waiting && v.waiting_code.is_some()
            })
            .await?;
        assert_eq!(Some(&asks.code), waits.waiting_code.as_ref(), "the two codes differ");
        bots[0].decide(Input::Admit(asks.member_id)).await;
        guest.in_call().await?;
        bots.push(guest);
    }
    Ok(bots)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_lets_in_mutes_appoints_and_removes() -> Outcome {
    let server = TestServer::start(None).await;
    let bots = hosted(&server, &["Grace", "Mallory"]).await?;
    let (host, grace, mallory) = (&bots[0], &bots[1], &bots[2]);
    grace.receives("Mallory", Kind::Microphone, 10).await?;
    grace
        .wait_for("the host is marked", |v| {
            v.roster
                .iter()
                .any(|p| p.name == "Hope" && p.role == Some(MemberRole::Host))
        })
        .await?;

    // A guest's client that decides all the same changes nothing.
    let target = id_of(&mallory.view(), "Grace");
    mallory
        .decide(Input::Remove {
            member: target,
            bar: true,
        })
        .await;
    mallory.decide(Input::EndForAll).await;

    let member = id_of(&host.view(), "Mallory");
    let kinds = 1 << Kind::Microphone as u8;
    host.decide(Input::MuteMember {
        member,
        kinds,
        on: true,
    })
    .await;
    grace
        .wait_for("Mallory is muted for all", |v| v.rules.is_some_and(|r| r.lobby))
        .await?;
    let mut heard = grace.received("Mallory", Kind::Microphone).opened;
    let quiet_by = Instant::now() + KEY_CUT;
    loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = grace.received("Mallory", Kind::Microphone).opened;
        if now == heard {
            break;
        }
        assert!(Instant::now() < quiet_by, "the muted one is heard on");
        heard = now;
    }

    let appointed = id_of(&host.view(), "Grace");
    host.decide(Input::Appoint(appointed)).await;
    grace
        .wait_for("appointed", |v| {
            v.rules.is_some_and(|r| r.role == Some(MemberRole::Moderator))
        })
        .await?;
    let asked = Instant::now();
    grace.decide(Input::Remove { member, bar: true }).await;
    mallory
        .wait_for("told", |v| v.ended() == Some(EndReason::Barred))
        .await?;
    host.wait_for("gone", |v| v.names() == ["Grace", "Hope"]).await?;
    assert!(asked.elapsed() < KEY_CUT, "a removal took {:?}", asked.elapsed());
    host.decide(Input::EndForAll).await;
    for bot in [host, grace] {
        bot.wait_for("over for all", |v| v.ended() == Some(EndReason::EndedByHost))
            .await?;
    }
    drop(bots);
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_or_was_refused_gets_no_frame_and_no_word() -> Outcome {
    let server = TestServer::start(None).await;
    let (link, credential) = server.hosted_room("waiting").await;
    let link = server.url(&link);
    let owner = BotOptions {
        owner: Some(credential),
        ..BotOptions::default()
    };
    let host = Bot::join(&link, "Hope", owner)?;
    host.in_call().await?;
    let mallory = Bot::join(&link, "Mallory", BotOptions::default())?;
    let view = host.wait_for("somebody asks", |v| v.lobby.len() == 1).await?;
    host.say("not for you").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let seen = mallory.view();
    assert!(seen.epoch.is_none() && seen.chat.is_empty() && seen.roster.is_empty());
    assert_eq!(mallory.received("Hope", Kind::Camera).opened, 0);
    host.decide(Input::Refuse(view.lobby[0].member_id)).await;
    mallory
        .wait_for("told", |v| v.ended() == Some(EndReason::Refused))
        .await?;
    drop((host, mallory));
    server.stop().await;
    Ok(())
}

/// The marks that a member's list shows beside a name.
fn marked(view: &View, name: &str, role: Option<MemberRole>) -> bool {
    view.roster.iter().any(|p| p.name == name && p.role == role)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moderators_key_opens_and_moderates_until_a_host_takes_it_away() -> Outcome {
    let server = TestServer::start(None).await;
    let (link, credential, [key, other]) = server.moderated_room("moderated").await;
    let link = server.url(&link);
    // Nobody else is there, and no host comes first.
    let mona = Bot::join(&link, "Mona", BotOptions::moderator(&key))?;
    mona.in_call().await?;
    let grace = Bot::join(&link, "Grace", BotOptions::heard())?;
    let asks = mona.wait_for("somebody asks", |v| v.lobby.len() == 1).await?;
    mona.decide(Input::Admit(asks.lobby[0].member_id)).await;
    grace.in_call().await?;
    grace
        .wait_for("the moderator is marked", |v| {
            marked(v, "Mona", Some(MemberRole::Moderator))
        })
        .await?;
    let host = Bot::join(&link, "Hope", BotOptions::host(&credential))?;
    host.in_call().await?;
    Bot::all_see(&[&mona, &grace, &host], &["Grace", "Hope", "Mona"]).await?;

    // The host brings the server the sheet; the three stay together.
    let member = id_of(&host.view(), "Mona");
    host.decide(Input::Dismiss(member)).await;
    for bot in [&mona, &grace, &host] {
        bot.wait_for("a guest", |v| marked(v, "Mona", None)).await?;
    }
    host.in_call().await?;
    Bot::all_see(&[&mona, &grace, &host], &["Grace", "Hope", "Mona"]).await?;
    host.decide(Input::EndForAll).await;
    for bot in [&mona, &grace, &host] {
        bot.wait_for("over", |v| v.ended() == Some(EndReason::EndedByHost))
            .await?;
    }
    drop((mona, grace, host));

    // In the next call the other key counts, and this one does not.
    let max = Bot::join(&link, "Max", BotOptions::moderator(&other))?;
    max.in_call().await?;
    let late = Bot::join(&link, "Mona", BotOptions::moderator(&key))?;
    max.wait_for("asks like a guest", |v| v.lobby.len() == 1).await?;
    late.wait_for("waits", |v| v.state == State::Waiting).await?;
    drop((max, late));
    server.stop().await;
    Ok(())
}
