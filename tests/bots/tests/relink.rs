//! The link is changed while people talk, on the real server with its real store.

use std::time::Duration;

use conclave_bots::{Bot, BotError, BotOptions, Kind, server::TestServer};
use conclave_core::{EndReason, Input, NoticeCode, State};
use conclave_protocol::{credential::HostCredential, link::GuestLink};
use tokio::time::{Instant, sleep};

type Outcome = Result<(), BotError>;

/// The first in the committers' order tells the server 20 s after the change; the rest is for whoever is that having vanished just then, and for a busy machine.
const TOLD_BY_OTHERS: Duration = Duration::from_secs(40);

/// Between two tries of a newcomer whom the server does not let in yet: each is a connection, of which an address has so many a minute.
const NEXT_TRY: Duration = Duration::from_secs(2);

/// Sound that comes after this moment.
async fn still_heard(by: &Bot, from: &str) -> Outcome {
    let before = by.received(from, Kind::Microphone).opened;
    by.receives(from, Kind::Microphone, before + 10).await.map(drop)
}

/// Cuts a line, and waits until it is: what is asked of a bot is done a moment later, and others may be faster.
async fn cut(bot: &Bot) -> Outcome {
    bot.line(false).await;
    bot.wait_for("the line is lost", |v| v.state == State::Reconnecting)
        .await
        .map(drop)
}

/// A line of one that another reads.
async fn read(from: &Bot, by: &Bot, text: &'static str) -> Outcome {
    from.say(text).await;
    let name = from.name().to_owned();
    by.wait_for(text, |v| v.has_chat(&name, text)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_inside_stay_when_the_link_changes_also_who_was_away_and_the_old_one_opens_nothing() -> Outcome {
    let server = TestServer::start(None).await;
    let (link, credential) = server.hosted_room("relinked").await;
    let old = server.url(&link);
    let host = Bot::join(&old, "Hope", BotOptions::host(&credential))?;
    host.in_call().await?;
    host.decide(Input::Invite { days: 7 }).await;
    let invite = host.wait_for("an invite", |v| v.invites.len() == 1).await?.invites[0].clone();
    let ida = Bot::join(&invite.1, "Ida", BotOptions::heard())?;
    ida.in_call().await?;
    let bo = Bot::join(&old, "Bo", BotOptions::heard())?;
    let asks = host.wait_for("somebody asks", |v| v.lobby.len() == 1).await?;
    host.decide(Input::Admit(asks.lobby[0].member_id)).await;
    let all = ["Bo", "Hope", "Ida"];
    Bot::all_see(&[&host, &ida, &bo], &all).await?;
    still_heard(&host, "Bo").await?;

    // Bo's line is cut just before, and mended after the others have the new link: the server still takes the old one then.
    cut(&bo).await?;
    host.decide(Input::ChangeLink).await;
    ida.wait_for("the new link", |v| v.link.is_some()).await?;
    bo.line(true).await;
    let told = host
        .wait_for("the server knows", |v| v.notices.contains(&NoticeCode::LinkInForce))
        .await?;
    let mut links = vec![told.link.clone()];
    for bot in [&ida, &bo] {
        links.push(bot.wait_for("the new link", |v| v.link.is_some()).await?.link);
    }
    assert!(
        links.iter().all(|link| *link == links[0]),
        "those inside have different links"
    );
    let new = GuestLink::parse(links[0].as_deref().expect("waited for")).expect("a guest link");
    assert!(new.link_secret != link.link_secret && new.generation == link.generation + 1);
    Bot::all_see(&[&host, &ida, &bo], &all).await?;
    for bot in [&ida, &bo] {
        assert!(
            bot.view().departed.is_empty() && bot.view().returned.is_empty(),
            "somebody lost their place"
        );
    }
    read(&bo, &ida, "after the change").await?;
    read(&host, &bo, "heard by all").await?;
    still_heard(&ida, "Bo").await?;

    // Whoever loses the line later comes back by the link that they learned inside.
    cut(&ida).await?;
    read(&host, &bo, "while Ida is away").await?;
    ida.line(true).await;
    ida.in_call().await?;
    read(&ida, &host, "back again").await?;
    read(&host, &ida, "welcome back").await?;

    // By the old link, an invite of it and the old credential nobody comes in: the server's words are those for an unknown room.
    for (text, options) in [
        (&old, BotOptions::heard()),
        (&invite.1, BotOptions::heard()),
        (&old, BotOptions::host(&credential)),
    ] {
        let late = Bot::join(text, "Mallory", options)?;
        late.wait_for("refused", |v| v.ended() == Some(EndReason::NotAllowed))
            .await?;
    }
    // By the new one as ever, and the host's new key has it.
    let text = host.view().credential.expect("no new credential");
    let renewed = HostCredential::parse(&text).expect("a credential");
    assert!(renewed.guest == new, "the new credential has another link");
    let second = Bot::join(&server.url(&new), "Hugo", BotOptions::host(&renewed))?;
    second.in_call().await?;
    Bot::all_see(&[&host, &ida, &bo, &second], &["Bo", "Hope", "Hugo", "Ida"]).await?;
    drop((host, ida, bo, second));
    server.stop().await;
    Ok(())
}

/// Whether a newcomer by this link is let in, or told what is told of unknown rooms.
async fn comes_in(link: &str, name: &str) -> Result<Option<Bot>, BotError> {
    let bot = Bot::join(link, name, BotOptions::heard())?;
    let came = bot
        .wait_for("let in or refused", |v| v.in_call() || v.ended().is_some())
        .await?;
    match came.ended() {
        None => Ok(Some(bot)),
        Some(EndReason::NotAllowed) => Ok(None),
        Some(_) => panic!("{name} was told something else"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_members_tell_the_server_when_the_only_host_is_gone_before_it_knows() -> Outcome {
    let server = TestServer::start(None).await;
    let (link, credential) = server.hosted_room("orphaned").await;
    let old = server.url(&link);
    let host = Bot::join(&old, "Hope", BotOptions::host(&credential))?;
    host.in_call().await?;
    host.decide(Input::Lobby(false)).await;
    host.wait_for("the door is open", |v| v.rules.is_some_and(|rules| !rules.lobby))
        .await?;
    let ida = Bot::join(&old, "Ida", BotOptions::heard())?;
    let bo = Bot::join(&old, "Bo", BotOptions::heard())?;
    Bot::all_see(&[&host, &ida, &bo], &["Bo", "Hope", "Ida"]).await?;

    // The host waits for a sign of Bo's before the server is told, and is killed meanwhile.
    cut(&bo).await?;
    host.decide(Input::ChangeLink).await;
    let changed = ida.wait_for("the new link", |v| v.link.is_some()).await?;
    let since = Instant::now();
    drop(host);
    let fragment = changed.link.expect("waited for");
    let new = server.url(&GuestLink::parse(&fragment).expect("a guest link"));
    assert!(
        comes_in(&new, "Early").await?.is_none(),
        "the server knows already: this test shows nothing"
    );
    bo.line(true).await;
    bo.wait_for("the new link", |v| v.link.as_deref() == Some(fragment.as_str()))
        .await?;

    let late = loop {
        if let Some(bot) = comes_in(&new, "Late").await? {
            break bot;
        }
        assert!(since.elapsed() < TOLD_BY_OTHERS, "nobody told the server");
        sleep(NEXT_TRY).await;
    };
    read(&late, &ida, "in by the new link").await?;
    read(&bo, &late, "welcome").await?;
    assert!(
        comes_in(&old, "Mallory").await?.is_none(),
        "the old link still opens the room"
    );
    assert!(since.elapsed() < TOLD_BY_OTHERS, "nobody told the server in time");
    drop((ida, bo, late));
    server.stop().await;
    Ok(())
}
