//! Checks as a browser makes them, and as an attacker does.

use super::*;
use proptest::prelude::*;
use rtc::crypto::default_provider;
use rtc::stun::attributes::{ATTR_PRIORITY, ATTR_XORMAPPED_ADDRESS};
use rtc::stun::message::{Getter, TransactionId};
use rtc::stun::textattrs::TextAttribute;

const REMOTE: &str = "them";

fn agent() -> IceLite {
    IceLite::new(Credentials::new(&mut Entropy::new(&[1; 32])), REMOTE)
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], port))
}

#[derive(Clone, Copy, PartialEq)]
enum Nominate {
    No,
    Yes,
    BehindIntegrity,
}

fn request(ufrag: &str, pwd: &str, nominate: Nominate) -> Vec<u8> {
    let provider = default_provider().unwrap();
    let mut message = Message::new();
    message.set_type(MessageType::new(METHOD_BINDING, CLASS_REQUEST));
    message.transaction_id = TransactionId([7; 12]);
    message.write_header();
    TextAttribute::new(ATTR_USERNAME, format!("{ufrag}:{REMOTE}"))
        .add_to(&mut message)
        .unwrap();
    message.add(ATTR_PRIORITY, &[0, 0, 0, 1]);
    if nominate == Nominate::Yes {
        message.add(ATTR_USE_CANDIDATE, &[]);
    }
    let integrity = MessageIntegrity::new_raw_integrity_with_provider(pwd.as_bytes(), provider.crypto());
    integrity.add_to(&mut message).unwrap();
    if nominate == Nominate::BehindIntegrity {
        message.add(ATTR_USE_CANDIDATE, &[]);
    }
    FINGERPRINT.add_to(&mut message).unwrap();
    message.raw
}

fn check(agent: &mut IceLite, now: Instant, port: u16, bytes: &[u8]) -> Option<Checked> {
    let mut request = parse_request(bytes)?;
    let checked = agent.check(now, address(port), &mut request, default_provider().unwrap().crypto())?;
    agent.accept(now, address(port), checked.nominated);
    Some(checked)
}

#[expect(clippy::disallowed_methods, reason = "tests need a first instant")]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn an_authentic_check_is_answered_with_the_address_it_came_from() {
    let (mut agent, now) = (agent(), start());
    let local = agent.local().clone();
    let checked = check(&mut agent, now, 5, &request(&local.ufrag, &local.pwd, Nominate::No)).unwrap();
    let mut response = Message::new();
    response.unmarshal_binary(&checked.response).unwrap();
    FINGERPRINT.check(&response).unwrap();
    MessageIntegrity::check(
        &mut response,
        local.pwd.as_bytes(),
        default_provider().unwrap().crypto(),
    )
    .unwrap();
    assert!(response.contains(ATTR_XORMAPPED_ADDRESS) && response.transaction_id == TransactionId([7; 12]));
    let mut mapped = XorMappedAddress::default();
    mapped.get_from(&response).unwrap();
    assert!(SocketAddr::new(mapped.ip, mapped.port) == address(5));
}

#[test]
fn before_a_nomination_the_last_authentic_check_counts_and_afterwards_only_nominations() {
    let (mut agent, now) = (agent(), start());
    let local = agent.local().clone();
    let plain = request(&local.ufrag, &local.pwd, Nominate::No);
    assert!(agent.selected(now).is_none());
    check(&mut agent, now, 5, &plain).unwrap();
    assert!(agent.selected(now) == Some(address(5)));
    check(&mut agent, now, 6, &plain).unwrap();
    assert!(agent.selected(now) == Some(address(6)));
    check(&mut agent, now, 5, &request(&local.ufrag, &local.pwd, Nominate::Yes)).unwrap();
    check(&mut agent, now, 6, &plain).unwrap();
    assert!(
        agent.selected(now) == Some(address(5)),
        "a mere check does not move the path"
    );
}

#[test]
fn a_nominated_check_from_a_new_address_moves_the_path() {
    let (mut agent, now) = (agent(), start());
    let local = agent.local().clone();
    let nominating = request(&local.ufrag, &local.pwd, Nominate::Yes);
    check(&mut agent, now, 5, &nominating).unwrap();
    assert!(agent.selected(now) == Some(address(5)));
    check(&mut agent, now, 6, &nominating).unwrap();
    assert!(agent.selected(now) == Some(address(6)));
}

#[test]
fn a_wrong_password_or_name_gets_no_answer() {
    let (mut agent, now) = (agent(), start());
    let local = agent.local().clone();
    assert!(
        check(
            &mut agent,
            now,
            5,
            &request(&local.ufrag, "wrong password, quite long", Nominate::Yes)
        )
        .is_none()
    );
    assert!(check(&mut agent, now, 5, &request("other", &local.pwd, Nominate::Yes)).is_none());
    let mut unsigned = request(&local.ufrag, &local.pwd, Nominate::Yes);
    let length = unsigned.len();
    unsigned[length - 1] ^= 1;
    assert!(check(&mut agent, now, 5, &unsigned).is_none(), "fingerprint");
    assert!(agent.selected(now).is_none());
}

#[test]
fn what_stands_behind_the_integrity_does_not_nominate() {
    let (mut agent, now) = (agent(), start());
    let local = agent.local().clone();
    check(&mut agent, now, 5, &request(&local.ufrag, &local.pwd, Nominate::Yes)).unwrap();
    let behind = request(&local.ufrag, &local.pwd, Nominate::BehindIntegrity);
    let checked = check(&mut agent, now, 6, &behind).unwrap();
    assert!(!checked.nominated && agent.selected(now) == Some(address(5)));
}

#[test]
fn a_restart_honours_the_old_credentials_for_ten_seconds() {
    let (mut agent, now) = (agent(), start());
    let old = agent.local().clone();
    assert!(
        agent
            .restart(now, Credentials::new(&mut Entropy::new(&[2; 32])), REMOTE)
            .is_none()
    );
    let late = request(&old.ufrag, &old.pwd, Nominate::Yes);
    assert!(check(&mut agent, now, 5, &late).is_some());
    assert!(check(&mut agent, now + OLD_CREDENTIALS, 5, &late).is_none());
    let fresh = agent.local().clone();
    assert!(check(&mut agent, now, 5, &request(&fresh.ufrag, &fresh.pwd, Nominate::Yes)).is_some());
}

#[test]
fn consent_lapses_without_checks() {
    let (mut agent, now) = (agent(), start());
    let local = agent.local().clone();
    check(&mut agent, now, 5, &request(&local.ufrag, &local.pwd, Nominate::Yes)).unwrap();
    assert!(agent.selected(now + CONSENT - Duration::from_millis(1)).is_some());
    assert!(agent.selected(now + CONSENT).is_none());
}

proptest! {
    #[test]
    fn mutated_checks_do_no_harm(cuts in 0usize..140, changes in proptest::collection::vec((0usize..140, any::<u8>()), 1..6)) {
        let (mut agent, now) = (agent(), start());
        let local = agent.local().clone();
        let mut bytes = request(&local.ufrag, &local.pwd, Nominate::Yes);
        let honest = bytes.clone();
        bytes.truncate(bytes.len().saturating_sub(cuts % 40));
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        let answered = check(&mut agent, now, 5, &bytes).is_some();
        prop_assert!(!answered || bytes == honest);
    }

    #[test]
    fn random_bytes_do_no_harm(mut bytes in proptest::collection::vec(any::<u8>(), 20..200)) {
        bytes[0] &= 3;
        bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        let length = (bytes.len() - 20) as u16;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        let _ = parse_request(&bytes);
    }
}
