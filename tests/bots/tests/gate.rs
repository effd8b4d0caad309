//! What the real server passes on to whoever is not in the group: somebody with the link alone, and somebody who was removed and takes no notice.

use std::time::Duration;

use conclave_bots::{Bot, BotError, BotOptions, Kind, View, server::TestServer, visitor::Visitor};
use conclave_core::Input;
use conclave_protocol::{
    envelope::{ClearPart, Envelope, EnvelopeType, seal},
    ids::{CallId, TrackKind},
    keys::LinkKeys,
    link::GuestLink,
    message::{ClientMessage, ServerMessage, SlotRequest},
};
use tokio::time::{Instant, sleep, timeout_at};

type Outcome = Result<(), BotError>;

/// From the decision to the last packet at the removed one. The promise is "when the commit is ordered", a fraction of a second; the rest is for a busy machine.
const FORWARDING_CUT: Duration = Duration::from_secs(2);
/// Voice comes every 20 ms: after so long without any it has stopped.
const QUIET: Duration = Duration::from_secs(1);

/// A host and Grace, who talk.
async fn talk(server: &TestServer) -> Result<(GuestLink, Bot, Bot), BotError> {
    let (link, credential) = server.hosted_room("gate").await;
    let url = server.url(&link);
    let host = Bot::join(&url, "Hope", BotOptions::host(&credential))?;
    host.in_call().await?;
    let grace = let_in(&host, &url, "Grace").await?;
    grace.receives("Hope", Kind::Microphone, 10).await?;
    Ok((link, host, grace))
}

async fn let_in(host: &Bot, url: &str, name: &str) -> Result<Bot, BotError> {
    let guest = Bot::join(url, name, BotOptions::heard())?;
    host.wait_for("somebody asks", |v| v.lobby.len() == 1).await?;
    host.decide(Input::AdmitAll).await;
    guest.in_call().await?;
    Ok(guest)
}

/// Everything that somebody inside may ask for.
fn wishes(link: &GuestLink, call_id: CallId) -> Vec<ClientMessage> {
    let key = LinkKeys::derive(&link.link_secret).envelope();
    let submit = |clear| {
        let envelope = seal(&key, clear, b"from outside", [7; 24]).expect("seals");
        ClientMessage::submission([envelope.encode()])
    };
    let attach = |have_seq| ClientMessage::Attach { call_id, have_seq };
    let slots = vec![SlotRequest {
        mid: "4".into(),
        track: None,
        layer: 0,
    }];
    let publish = ClientMessage::Publish {
        mid: "0".into(),
        kind: TrackKind::Microphone,
        on: true,
    };
    vec![
        attach(0),
        attach(1),
        submit(ClearPart::message(call_id)),
        submit(ClearPart::card(call_id)),
        ClientMessage::Offer { sdp: "v=0\r\n".into() },
        publish,
        ClientMessage::Slots { slots },
    ]
}

/// What may come out of the server to somebody in no group: call cards, which are there to be knocked at, and refusals.
fn is_outside(message: &ServerMessage) -> bool {
    match message {
        ServerMessage::Refused { .. } => true,
        ServerMessage::EnvelopeIn { seq: None, envelope } => {
            Envelope::decode(envelope).is_ok_and(|e| e.clear.kind == EnvelopeType::Card)
        }
        _ => false,
    }
}

/// B4: the room's link opens the door to the server, and nothing of the call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b4_the_link_alone_gets_no_packet_no_word_and_no_commit() -> Outcome {
    let server = TestServer::start(None).await;
    let (link, host, grace) = talk(&server).await?;
    let mut mallory = Visitor::admitted(&link).await.expect("the link opens the door");
    let call = mallory.calls.first().expect("the call to knock at").call_id;
    // A server that was started a moment ago lets them attach, because it may have forgotten a member; that gives no rights.
    for wish in wishes(&link, call) {
        mallory.send(&wish).await.expect("the connection lives");
    }
    // Words, sound and commits pass between those inside, and nothing of it comes out.
    host.say("not for you").await;
    grace
        .wait_for("the words", |v| v.has_chat("Hope", "not for you"))
        .await?;
    let url = server.url(&link);
    let bo = let_in(&host, &url, "Bo").await?;
    let member = bo.view().roster.iter().find(|p| p.is_self).map(|p| p.member_id);
    host.decide(Input::Remove {
        member: member.expect("is in the list"),
        bar: false,
    })
    .await;
    host.sees(&["Grace", "Hope"]).await?;
    let heard = grace.received("Hope", Kind::Microphone).opened;
    grace.receives("Hope", Kind::Microphone, heard + 25).await?;
    let until = Instant::now() + Duration::from_millis(500);
    let mut refused = 0;
    while let Ok(Some(message)) = timeout_at(until, mallory.next()).await {
        assert!(is_outside(&message), "something of the call came out");
        refused += usize::from(matches!(message, ServerMessage::Refused { .. }));
    }
    assert!(refused >= 5, "only {refused} of what was asked for was refused");
    assert!(!grace.view().chat.iter().any(|line| line.name != "Hope"));
    drop((host, grace, bo));
    server.stop().await;
    Ok(())
}

/// A8, B5: packets stop for whoever is removed, though their client takes no notice; and what they say on reaches nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b4_whoever_was_removed_gets_no_packet_though_their_client_takes_no_notice() -> Outcome {
    let server = TestServer::start(None).await;
    let (link, host, grace) = talk(&server).await?;
    let mallory = let_in(&host, &server.url(&link), "Mallory").await?;
    mallory.receives("Hope", Kind::Microphone, 10).await?;
    grace.receives("Mallory", Kind::Microphone, 10).await?;
    let member = mallory.view().roster.iter().find(|p| p.is_self).map(|p| p.member_id);
    mallory.plays_deaf().await;
    let arrived = |v: &View| v.opened() + v.rejected();
    let removed_at = Instant::now();
    host.decide(Input::Remove {
        member: member.expect("is in the list"),
        bar: true,
    })
    .await;
    let (mut all, mut last) = (arrived(&mallory.view()), removed_at);
    while last.elapsed() < QUIET {
        sleep(Duration::from_millis(20)).await;
        let now = arrived(&mallory.view());
        if now > all {
            (all, last) = (now, Instant::now());
        }
        assert!(
            last.duration_since(removed_at) < FORWARDING_CUT,
            "packets go on arriving at whoever was removed"
        );
    }
    host.sees(&["Grace", "Hope"]).await?;
    mallory.say("am I still here").await;
    let sent = grace.view();
    let seen = (sent.received("Mallory", Kind::Microphone), sent.rejected());
    let heard = grace.received("Hope", Kind::Microphone).opened;
    grace.receives("Hope", Kind::Microphone, heard + 25).await?;
    let now = grace.view();
    assert_eq!(mallory.view().ended(), None, "it took notice of its removal");
    assert!(!now.has_chat("Mallory", "am I still here"));
    assert_eq!(now.received("Mallory", Kind::Microphone).opened, seen.0.opened);
    assert_eq!(now.rejected(), seen.1, "packets of whoever was removed are passed on");
    drop((host, grace, mallory));
    server.stop().await;
    Ok(())
}
