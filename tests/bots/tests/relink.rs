//! Personal invites, a changed link and the deed, on the real server with its real store.

use conclave_bots::{Bot, BotError, BotOptions, Kind, server::TestServer};
use conclave_core::{EndReason, Input, NoticeCode, State};
use conclave_protocol::credential::HostCredential;
use conclave_protocol::link::{GuestLink, Link};

type Outcome = Result<(), BotError>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invited_guest_stays_when_the_link_changes_and_the_old_link_opens_nothing() -> Outcome {
    let server = TestServer::start(None).await;
    let (link, credential) = server.hosted_room("relinked").await;
    let old = server.url(&link);
    let owner = |credential| BotOptions {
        owner: Some(credential),
        ..BotOptions::default()
    };
    let host = Bot::join(&old, "Hope", owner(credential))?;
    host.in_call().await?;

    host.decide(Input::Invite { days: 7 }).await;
    let made = host.wait_for("an invite", |v| v.invites.len() == 1).await?;
    let (serial, fragment) = made.invites[0].clone();
    let ida = Bot::join(&fragment, "Ida", BotOptions::default())?;
    ida.in_call().await?;
    let seen = host.sees(&["Hope", "Ida"]).await?;
    assert!(seen.lobby.is_empty(), "the invited had to ask");
    assert!(seen.roster.iter().any(|p| p.name == "Ida" && p.invite == Some(serial)));

    host.decide(Input::ChangeLink).await;
    let host_view = host
        .wait_for("the server knows it", |v| v.notices.contains(&NoticeCode::LinkInForce))
        .await?;
    let ida_view = ida.wait_for("the guest has it, too", |v| v.link.is_some()).await?;
    assert_eq!(host_view.link, ida_view.link);
    let new = GuestLink::parse(ida_view.link.as_deref().expect("waited for")).expect("a guest link");
    assert!(new.link_secret != link.link_secret && new.generation == 1);

    // Both are in the call as before, and hear each other.
    Bot::all_see(&[&host, &ida], &["Hope", "Ida"]).await?;
    host.say("after the change").await;
    ida.wait_for("heard", |v| v.chat.iter().any(|line| line.text == "after the change"))
        .await?;
    let frames = host.received("Ida", Kind::Microphone).opened;
    host.receives("Ida", Kind::Microphone, frames + 10).await?;

    // By the old link and by an invite of it nobody comes in, in the words of an unknown room.
    assert!(matches!(Link::parse(&fragment), Ok(Link::Invite(_))));
    for text in [old.as_str(), fragment.as_str()] {
        let late = Bot::join(text, "Mallory", BotOptions::default())?;
        late.wait_for("refused", |v| v.state == State::Ended(EndReason::NotAllowed))
            .await?;
    }
    // By the new one as ever; and the host's new key holds it.
    let text = host_view.credential.expect("no new credential");
    let credential = HostCredential::parse(&text).expect("a credential");
    assert!(credential.guest == new);
    let second = Bot::join(&server.url(&new), "Hugo", owner(credential))?;
    second.in_call().await?;
    Bot::all_see(&[&host, &ida, &second], &["Hope", "Hugo", "Ida"]).await
}
