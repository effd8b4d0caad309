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
