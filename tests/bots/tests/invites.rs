//! Personal invites on the real server with its real store: made in the call, used once, used twice, taken back, and barred.

use conclave_bots::{Bot, BotError, BotOptions, Kind, server::TestServer};
use conclave_core::{EndReason, Input};

type Outcome = Result<(), BotError>;

/// A personal invite that the host made: its number and what stands behind `#`.
struct Made {
    serial: u32,
    fragment: String,
}

async fn invite(host: &Bot) -> Result<Made, BotError> {
    let before = host.view().invites.len();
    host.decide(Input::Invite { days: 7 }).await;
    let view = host.wait_for("an invite", |v| v.invites.len() > before).await?;
    let (serial, fragment) = view.invites[before].clone();
    Ok(Made { serial, fragment })
}

/// Somebody on the way in by an invite.
fn comes(name: &str, invite: &Made) -> Result<Bot, BotError> {
    Bot::join(&invite.fragment, name, BotOptions::heard())
}

/// Somebody comes in by an invite, and is shown with its number; nobody was asked.
async fn comes_in(host: &Bot, name: &str, invite: &Made) -> Result<Bot, BotError> {
    let bot = comes(name, invite)?;
    bot.in_call().await?;
    let has = |v: &conclave_bots::View| {
        v.roster
            .iter()
            .any(|p| p.name == name && p.invite == Some(invite.serial))
    };
    let view = host.wait_for("shown with the number", has).await?;
    assert!(view.lobby.is_empty(), "the invited had to ask");
    Ok(bot)
}

/// Somebody shows an invite and is told that it opens nothing; the host is not even asked, and no key was given away.
async fn refused(host: &Bot, name: &str, options: BotOptions, invite: &Made) -> Outcome {
    let bot = Bot::join(&invite.fragment, name, options)?;
    let told = |v: &conclave_bots::View| v.ended() == Some(EndReason::InviteRefused);
    let view = bot.wait_for("told that the invite opens nothing", told).await?;
    assert!(
        view.epoch.is_none() && view.roster.is_empty(),
        "whoever was refused had a key"
    );
    assert!(host.view().lobby.is_empty(), "the host is asked about a spent invite");
    Ok(())
}

/// Takes an invite back, and waits until the call's rules say so. The host's media go on as they were.
async fn take_back(host: &Bot, invite: &Made) -> Outcome {
    let before = host.view();
    host.decide(Input::RevokeInvite(invite.serial)).await;
    let after = host
        .wait_for("taken back in the call", |v| v.epoch > before.epoch)
        .await?;
    assert_eq!(after.steps, before.steps, "the host connected anew");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_is_one_seat_and_opens_nothing_when_it_was_taken_back_or_its_holder_barred() -> Outcome {
    let server = TestServer::start(None).await;
    let (link, credential) = server.hosted_room("invited").await;
    let host = Bot::join(&server.url(&link), "Hope", BotOptions::host(&credential))?;
    host.in_call().await?;
    let (first, second, third) = (invite(&host).await?, invite(&host).await?, invite(&host).await?);

    // One seat: whoever comes second is told, and the first stays and is heard.
    let ida = comes_in(&host, "Ida", &first).await?;
    refused(&host, "Mallory", BotOptions::heard(), &first).await?;
    let heard = host.received("Ida", Kind::Microphone).opened;
    host.receives("Ida", Kind::Microphone, heard + 10).await?;
    // The seat is free when its holder has left, and may be taken back while somebody sits on it: they stay.
    ida.leave().await?;
    host.sees(&["Hope"]).await?;
    let ida = comes_in(&host, "Ida", &first).await?;
    take_back(&host, &first).await?;
    Bot::all_see(&[&host, &ida], &["Hope", "Ida"]).await?;
    ida.leave().await?;
    host.sees(&["Hope"]).await?;
    refused(&host, "Ida", BotOptions::heard(), &first).await?;

    // Taken back before anybody came.
    take_back(&host, &second).await?;
    refused(&host, "Bo", BotOptions::heard(), &second).await?;

    // Barred: the number is spent with the person, as somebody new and with the record of the place.
    let mallory = comes_in(&host, "Mallory", &third).await?;
    let place = mallory
        .wait_for("the record of the place", |v| v.place.is_some())
        .await?
        .place;
    let member = host
        .view()
        .others()
        .next()
        .map(|p| p.member_id)
        .expect("nobody to remove");
    host.decide(Input::Remove { member, bar: true }).await;
    mallory
        .wait_for("told", |v| v.ended() == Some(EndReason::Barred))
        .await?;
    host.sees(&["Hope"]).await?;
    refused(&host, "Mallory", BotOptions::heard(), &third).await?;
    let back = BotOptions {
        place,
        ..BotOptions::heard()
    };
    let back = Bot::join(&third.fragment, "Mallory", back)?;
    // Whoever shows a place that is barred is not answered; the next newcomer's turn shows that nobody was let in before.
    let fourth = invite(&host).await?;
    let last = comes_in(&host, "Cy", &fourth).await?;
    Bot::all_see(&[&host, &last], &["Cy", "Hope"]).await?;
    let seen = back.view();
    assert!(
        seen.epoch.is_none() && !seen.in_call(),
        "a barred member is back: {}",
        seen.summary()
    );

    // The call is over; the server's record of the room still says what was taken back, before anybody is there to ask.
    host.decide(Input::EndForAll).await;
    host.wait_for("over", |v| v.ended() == Some(EndReason::EndedByHost))
        .await?;
    for spent in [&first, &second] {
        refused(&host, "Ida", BotOptions::heard(), spent).await?;
    }
    drop((host, mallory, back, last));
    server.stop().await;
    Ok(())
}
