//! TURN over UDP at the media's own port, for people who reach this server by its name and not at its media address. Datagrams and time in,
//! datagrams out; no socket of its own.
//!
//! A datagram is TURN's if it is channel data or a STUN message of any method but Binding; everything else stays the plane's, from the
//! same address too, as browsers use one socket for both. A client is an address and port.
//!
//! SECURITY: an address on UDP can be forged, and a port that answers can be found. So, until a client has proven itself:
//! - only its first request (an allocation without credentials) is answered, with the shortest challenge there is, and only if somebody
//!   is admitted from its network at the moment; there are no answers to wrong credentials, and none to strangers;
//! - all these challenges, and all refusals ever, come out of one small bucket for the whole server ([`limits::TURN_CHALLENGES`]);
//! - nothing ends a client's allocation but its own signed word, or time: whoever forges its address can send noise only.
//!
//! SPEC: RFC 8656 §7.2, §12; RFC 7983 §7 (telling TURN, STUN and media apart on one port).

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    net::SocketAddr,
    sync::Arc,
    time::Instant,
};

use tokio::sync::OwnedSemaphorePermit;
use turn_server_proto::types::{
    message::ALLOCATE,
    stun::{
        attribute::{
            AttributeStaticType, ErrorCode, MessageIntegrity, MessageIntegritySha256, Nonce, PasswordAlgorithms, Realm,
            Username,
        },
        message::{BINDING, Message, MessageClass, MessageHeader, MessageWriteVec},
        prelude::{MessageWrite, MessageWriteExt},
    },
};

use super::{
    TurnDoor,
    bucket::Bucket,
    session::{Action, Family, Session},
};
use crate::{
    limits,
    media::Fate,
    peers::{Peers, Place},
};

/// Where answers go. The socket loses what it cannot send.
pub(super) type Outlet<'a> = &'a mut dyn FnMut(SocketAddr, &[u8]);

/// All clients at the media's port.
pub(crate) struct UdpTurn {
    /// INVARIANT: those without an allocation are at most as many as there were challenges in [`limits::RELAY_PROOF_DEADLINE`] and a tick.
    clients: HashMap<SocketAddr, Client>,
    shared: Shared,
}

/// What clients share.
struct Shared {
    door: Arc<TurnDoor>,
    peers: Arc<Peers>,
    /// Whose each relayed address is.
    relayed: HashMap<SocketAddr, SocketAddr>,
    challenges: Bucket,
}

/// One client, from its challenge on.
struct Client {
    session: Session,
    since: Instant,
    heard: Instant,
    /// Its places on the server and under its address's limit. It has them once it has proven itself.
    places: Option<(OwnedSemaphorePermit, Place)>,
}

impl UdpTurn {
    pub(crate) fn new(door: Arc<TurnDoor>, peers: Arc<Peers>, now: Instant) -> Self {
        Self {
            clients: HashMap::new(),
            shared: Shared {
                door,
                peers,
                relayed: HashMap::new(),
                challenges: Bucket::new(limits::TURN_CHALLENGES, now),
            },
        }
    }

    /// Takes a datagram that came to the media's port.
    pub(super) fn handle(&mut self, now: Instant, from: SocketAddr, data: &[u8], send: Outlet<'_>) -> Fate {
        if !is_turn(data) {
            return Fate::Stays;
        }
        let is_bare = is_bare_allocate(data);
        let Self { clients, shared } = self;
        let client = match clients.entry(from) {
            Entry::Occupied(client) => client.into_mut(),
            Entry::Vacant(place) => {
                if !is_bare || !shared.may_challenge(now, from) {
                    return Fate::Gone;
                }
                place.insert(Client {
                    session: Session::new(&shared.door.realm, &shared.door.media),
                    since: now,
                    heard: now,
                    places: None,
                })
            }
        };
        client.heard = now;
        let mut actions = Vec::new();
        let credentials = &shared.door.credentials;
        let password = |name: &str| credentials.password(now, name);
        client.session.handle_client(now, data.to_vec(), password, &mut actions);
        let asked = is_bare.then_some(data);
        let fate = client.act(now, from, asked, actions, shared, send);
        if client.has_ended() {
            clients.remove(&from);
        }
        fate
    }

    /// Takes a datagram that the media plane sends to a relayed address, perhaps of nobody.
    pub(super) fn handle_plane(&mut self, now: Instant, relayed: SocketAddr, data: &[u8], send: Outlet<'_>) {
        let Self { clients, shared } = self;
        let Some(owner) = shared.relayed.get(&relayed).copied() else {
            return;
        };
        let Some(client) = clients.get_mut(&owner) else { return };
        let mut actions = Vec::new();
        client.session.handle_plane(now, relayed, data.to_vec(), &mut actions);
        client.act(now, owner, None, actions, shared, send);
    }

    /// Time has passed: lifetimes end, and those who proved nothing or fell silent are forgotten. Call every few seconds.
    pub(super) fn tick(&mut self, now: Instant, send: Outlet<'_>) {
        let Self { clients, shared } = self;
        clients.retain(|address, client| {
            let mut actions = Vec::new();
            client.session.poll(now, &mut actions);
            client.act(now, *address, None, actions, shared, send);
            let is_silent = now.saturating_duration_since(client.heard) >= limits::RELAY_IDLE;
            let is_late =
                client.places.is_none() && now.saturating_duration_since(client.since) >= limits::RELAY_PROOF_DEADLINE;
            if is_silent || is_late || client.has_ended() {
                shared.relayed.retain(|_, owner| owner != address);
                return false;
            }
            true
        });
    }
}

impl Shared {
    /// SECURITY: `expects` is looked at last, because it costs most, and only as often as there are challenges to give.
    fn may_challenge(&mut self, now: Instant, to: SocketAddr) -> bool {
        self.challenges.has(now) && self.door.credentials.expects(now, self.peers.network(to.ip()))
    }
}

impl Client {
    /// Its allocation is over, and there is nothing to remember.
    fn has_ended(&self) -> bool {
        self.places.is_some() && !self.session.is_allocated()
    }

    /// Does what the session wants. `asked`: the request, if it came without credentials.
    fn act(
        &mut self,
        now: Instant,
        address: SocketAddr,
        asked: Option<&[u8]>,
        actions: Vec<Action>,
        shared: &mut Shared,
        send: Outlet<'_>,
    ) -> Fate {
        let mut fate = Fate::Gone;
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            match action {
                Action::ToClient(answer) if !is_error(&answer) => send(address, &answer),
                // Signed: the request was, too.
                Action::ToClient(answer) if is_signed(&answer) && shared.challenges.take(now) => send(address, &answer),
                Action::Refuse(answer) if self.places.is_some() && shared.challenges.take(now) => {
                    send(address, &answer);
                }
                Action::Refuse(answer) if self.places.is_none() => {
                    if let Some(challenge) = asked.and_then(|request| shortest(request, &answer))
                        && shared.challenges.take(now)
                    {
                        send(address, &challenge);
                    }
                }
                Action::ToPlane(relayed, data) => fate = Fate::Becomes(relayed, data),
                Action::Allocate(family) => {
                    let relayed = self.allocate(now, address, family, shared);
                    let mut more = Vec::new();
                    self.session.allocated(now, family, relayed, &mut more);
                    actions.extend(more);
                }
                Action::Release(relayed) => {
                    shared.relayed.remove(&relayed);
                }
                Action::ToClient(_) | Action::Refuse(_) | Action::End => {}
            }
        }
        fate
    }

    /// A relayed address, if there is a place on the server and under the address's limit.
    fn allocate(
        &mut self,
        now: Instant,
        address: SocketAddr,
        family: Family,
        shared: &mut Shared,
    ) -> Option<SocketAddr> {
        if self.places.is_none() {
            self.places = Some((shared.door.place()?, shared.peers.enter(now, address.ip())?));
        }
        let relayed = shared.door.relays.address(family == Family::V4);
        shared.relayed.insert(relayed, address);
        Some(relayed)
    }
}

/// Channel data, or STUN that is no path check.
fn is_turn(data: &[u8]) -> bool {
    match data.first() {
        // SPEC: RFC 8489 §5: methods below 0x080, of which TURN's are, leave the rest of the first byte zero.
        Some(0x00..=0x01) => MessageHeader::from_bytes(data).is_ok_and(|header| header.get_type().method() != BINDING),
        Some(0x40..=0x4f) => true,
        _ => false,
    }
}

/// A client's first request.
fn is_bare_allocate(data: &[u8]) -> bool {
    if !matches!(data, [0x00, 0x03, ..]) {
        return false;
    }
    Message::from_bytes(data).is_ok_and(|message| {
        let proofs = [Username::TYPE, MessageIntegrity::TYPE, MessageIntegritySha256::TYPE];
        message.has_method(ALLOCATE) && !proofs.iter().any(|proof| message.has_attribute(*proof))
    })
}

fn is_error(answer: &[u8]) -> bool {
    MessageHeader::from_bytes(answer).is_ok_and(|header| header.get_type().class() == MessageClass::Error)
}

fn is_signed(answer: &[u8]) -> bool {
    Message::from_bytes(answer).is_ok_and(|message| message.has_attribute(MessageIntegrity::TYPE))
}

/// A challenge without words: no more is sent to an unproven address than must be. The list of algorithms must stay, because the nonce
/// announces it. SPEC: RFC 8489 §9.2.4, §9.2.5, §14.8 (a reason may be empty).
fn shortest(request: &[u8], challenge: &[u8]) -> Option<Vec<u8>> {
    let (request, challenge) = (Message::from_bytes(request).ok()?, Message::from_bytes(challenge).ok()?);
    let code = challenge.attribute::<ErrorCode>().ok()?.code();
    let mut answer = Message::builder_error(&request, MessageWriteVec::with_capacity(128));
    answer
        .add_attribute(&ErrorCode::builder(code).reason("").build().ok()?)
        .ok()?;
    answer.add_attribute(&challenge.attribute::<Realm>().ok()?).ok()?;
    answer.add_attribute(&challenge.attribute::<Nonce>().ok()?).ok()?;
    answer
        .add_attribute(&challenge.attribute::<PasswordAlgorithms>().ok()?)
        .ok()?;
    Some(answer.finish())
}

#[cfg(test)]
#[path = "udp_tests.rs"]
mod tests;
