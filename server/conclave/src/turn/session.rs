//! One client of the relay: `turn-server-proto` with our rules in front. Bytes and time in, actions out; no I/O.
//!
//! The library answers challenges, keeps permissions, channels and lifetimes. It knows no policy about peers, so every request that
//! names one is looked at here first.
//! SECURITY: `T-PEER`: only the addresses of our own media plane may be named, with their port; everything else is 403. What
//! leaves the library towards a peer is compared once more before it goes.
//!
//! The library is used in its datagram form, also for clients on a stream: so it refuses TCP allocations (RFC 6062),
//! of which there are none here, and `frame` does what streams need.

use std::{net::SocketAddr, time::Instant};

use turn_server_proto::{
    api::{SocketAllocateError, TurnServerApi, TurnServerPollRet},
    server::TurnServer,
    stun::Instant as TurnInstant,
    types::{
        AddressFamily, TransportType,
        attribute::{Lifetime, XorPeerAddress},
        message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH, SEND},
        prelude::DelayedTransmitBuild,
        stun::{
            attribute::{Attribute, AttributeFromRaw, AttributeStaticType, ErrorCode, Username},
            message::{
                IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageIntegrityCredentials,
                MessageWriteVec,
            },
            prelude::{MessageWrite, MessageWriteExt},
        },
    },
};
use zeroize::Zeroizing;

/// Stand-ins for the two ends of the client's connection. The library tells clients by them; a session has one client, and
/// nobody's real address is of use here. RFC 5737: documentation.
const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 9);
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)), 443);

/// What is to be done.
#[derive(PartialEq, Eq)]
pub(super) enum Action {
    /// Send this to the client.
    ToClient(Vec<u8>),
    /// An answer that says "prove yourself" (401, 438 or 441), which anybody gets who cannot. How often, the caller decides.
    Refuse(Vec<u8>),
    /// Hand this to the media plane, as from this relayed address.
    ToPlane(SocketAddr, Vec<u8>),
    /// Make a relayed address, and say so with [`Session::allocated`].
    Allocate(Family),
    /// The relayed address is no longer needed.
    Release(SocketAddr),
    /// The client breaks the rules: close. Over UDP, where anybody may have sent it under a forged address, it is dropped.
    End,
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    fn theirs(self) -> AddressFamily {
        match self {
            Self::V4 => AddressFamily::IPV4,
            Self::V6 => AddressFamily::IPV6,
        }
    }
}

/// One client.
pub(super) struct Session {
    server: TurnServer,
    /// The library's clock begins with the first message. Its own way from the system's clock counts from each instant anew.
    start: Option<Instant>,
    realm: String,
    media: Vec<SocketAddr>,
    credentials: Option<MessageIntegrityCredentials>,
    relayed: Vec<SocketAddr>,
}

impl Session {
    /// `media`: the addresses that may be reached, at most one of each family.
    pub(super) fn new(realm: &str, media: &[SocketAddr]) -> Self {
        Self {
            server: TurnServer::new(TransportType::Udp, LISTEN, realm.to_owned()),
            start: None,
            realm: realm.to_owned(),
            media: media.to_vec(),
            credentials: None,
            relayed: Vec::new(),
        }
    }

    /// Whether the client has proven itself and has a relayed address.
    pub(super) fn is_allocated(&self) -> bool {
        !self.relayed.is_empty()
    }

    /// Takes one whole message of the client. `password` finds the password of a user's name.
    pub(super) fn handle_client(
        &mut self,
        now: Instant,
        data: Vec<u8>,
        password: impl FnOnce(&str) -> Option<Zeroizing<String>>,
        actions: &mut Vec<Action>,
    ) {
        if !matches!(data.first(), Some(0x40..=0x4f)) {
            let Ok(message) = Message::from_bytes(&data) else {
                actions.push(Action::End);
                return;
            };
            self.learn_user(&message, password);
            match self.judge(&message) {
                Verdict::Pass => {}
                Verdict::Drop => return,
                Verdict::Answer(answer) => {
                    actions.push(Action::ToClient(answer));
                    return;
                }
            }
        }
        let transmit = turn_server_proto::api::Transmit::new(data, TransportType::Udp, CLIENT, LISTEN);
        let now_theirs = self.at(now);
        if let Some(reply) = self.server.recv(transmit, now_theirs) {
            self.route(reply.from, reply.to, reply.data.build(), actions);
        }
        self.poll(now, actions);
    }

    /// Takes a datagram that the media plane sends to a relayed address of this client.
    pub(super) fn handle_plane(&mut self, now: Instant, relayed: SocketAddr, data: Vec<u8>, actions: &mut Vec<Action>) {
        let Some(from) = self.media_of(Family::of(relayed)) else {
            return;
        };
        let transmit = turn_server_proto::api::Transmit::new(data, TransportType::Udp, from, relayed);
        let now_theirs = self.at(now);
        if let Some(reply) = self.server.recv(transmit, now_theirs) {
            self.route(reply.from, reply.to, reply.data.build(), actions);
        }
    }

    /// The answer to [`Action::Allocate`]; `None`: there is no room.
    pub(super) fn allocated(
        &mut self,
        now: Instant,
        family: Family,
        relayed: Option<SocketAddr>,
        actions: &mut Vec<Action>,
    ) {
        self.relayed.extend(relayed);
        self.answer_allocation(now, family, relayed.ok_or(SocketAllocateError::InsufficientCapacity));
        self.poll(now, actions);
    }

    /// Time has passed: lifetimes end. Call at least every few seconds.
    pub(super) fn poll(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let turn_now = self.at(now);
        loop {
            match self.server.poll(turn_now) {
                TurnServerPollRet::WaitUntil(_) => break,
                TurnServerPollRet::AllocateSocket { family, .. } => {
                    let family = if family == AddressFamily::IPV6 {
                        Family::V6
                    } else {
                        Family::V4
                    };
                    if self.media_of(family).is_some() {
                        actions.push(Action::Allocate(family));
                    } else {
                        self.answer_allocation(now, family, Err(SocketAllocateError::AddressFamilyNotSupported));
                    }
                }
                TurnServerPollRet::SocketClose { listen_addr, .. } => {
                    self.relayed.retain(|relayed| *relayed != listen_addr);
                    actions.push(Action::Release(listen_addr));
                }
                // Only with TCP allocations, which the library refuses in its datagram form.
                TurnServerPollRet::TcpConnect { .. } | TurnServerPollRet::TcpClose { .. } => {
                    actions.push(Action::End);
                    break;
                }
            }
        }
        while let Some(transmit) = self.server.poll_transmit(turn_now) {
            self.route(transmit.from, transmit.to, transmit.data, actions);
        }
    }

    fn answer_allocation(&mut self, now: Instant, family: Family, result: Result<SocketAddr, SocketAllocateError>) {
        let now_theirs = self.at(now);
        self.server.allocated_socket(
            TransportType::Udp,
            LISTEN,
            CLIENT,
            TransportType::Udp,
            family.theirs(),
            result,
            now_theirs,
        );
    }

    fn at(&mut self, now: Instant) -> TurnInstant {
        let start = *self.start.get_or_insert(now);
        let since = now.saturating_duration_since(start).as_nanos();
        TurnInstant::from_nanos(i64::try_from(since).unwrap_or(i64::MAX))
    }

    fn media_of(&self, family: Family) -> Option<SocketAddr> {
        self.media
            .iter()
            .copied()
            .find(|address| Family::of(*address) == family)
    }

    /// The first name that is in force becomes this session's user, for good.
    fn learn_user(&mut self, message: &Message<'_>, password: impl FnOnce(&str) -> Option<Zeroizing<String>>) {
        if self.credentials.is_some() {
            return;
        }
        let Ok(username) = message.attribute::<Username>() else {
            return;
        };
        if let Some(password) = password(username.username()) {
            let (name, password) = (username.username().to_owned(), password.to_string());
            self.server.add_user(name.clone(), password.clone());
            self.credentials = Some(LongTermKeyCredentials::new(name, password, self.realm.clone()).into());
        }
    }

    /// SECURITY: `T-PEER`. Looks at the peers that a message names before the library sees it.
    fn judge(&self, message: &Message<'_>) -> Verdict {
        let (class, method) = (message.class(), message.method());
        match class {
            MessageClass::Request if [ALLOCATE, REFRESH].contains(&method) => Verdict::Pass,
            MessageClass::Request if [CREATE_PERMISSION, CHANNEL_BIND].contains(&method) => {
                if self.names_only_media(message) {
                    return Verdict::Pass;
                }
                // An unproven client gets its challenge from the library, and learns nothing about what is allowed.
                match &self.credentials {
                    Some(credentials) => match message.validate_integrity(credentials) {
                        Ok(algorithm) => {
                            forbidden(message, credentials, algorithm).map_or(Verdict::Drop, Verdict::Answer)
                        }
                        Err(_) => Verdict::Pass,
                    },
                    None => Verdict::Pass,
                }
            }
            // SPEC: RFC 8656 §11.2: an indication that is not allowed is dropped without an answer.
            MessageClass::Indication if method == SEND && self.names_only_media(message) => Verdict::Pass,
            // Binding requests too: whoever asks for an address has `ice-lite` to ask.
            _ => Verdict::Drop,
        }
    }

    /// True also if no peer is named: the library answers that with 400.
    fn names_only_media(&self, message: &Message<'_>) -> bool {
        let transaction = message.transaction_id();
        message
            .iter_attributes()
            .filter(|(_, raw)| raw.get_type() == XorPeerAddress::TYPE)
            .all(|(_, raw)| {
                XorPeerAddress::from_raw(raw).is_ok_and(|peer| self.media.contains(&peer.addr(transaction)))
            })
    }

    fn route(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>, actions: &mut Vec<Action>) {
        if to == CLIENT {
            if refuses_credentials(&data) {
                actions.push(Action::Refuse(data));
                return;
            }
            // The library tells of relayed addresses that end by time, and not of those that are given up.
            if gives_up(&data) {
                actions.extend(self.relayed.drain(..).map(Action::Release));
            }
            actions.push(Action::ToClient(data));
        } else if self.media.contains(&to) && self.relayed.contains(&from) {
            // SECURITY: T-PEER, the second lock: a channel or permission that should not exist leads nowhere.
            actions.push(Action::ToPlane(from, data));
        }
    }
}

enum Verdict {
    Pass,
    Drop,
    Answer(Vec<u8>),
}

/// SPEC: RFC 8656 §9.2, §11.1: 403 (Forbidden), signed like every answer to a proven client.
fn forbidden(
    request: &Message<'_>,
    credentials: &MessageIntegrityCredentials,
    algorithm: IntegrityAlgorithm,
) -> Option<Vec<u8>> {
    let error = ErrorCode::builder(ErrorCode::FORBIDDEN).build().ok()?;
    let mut answer = Message::builder_error(request, MessageWriteVec::with_capacity(96));
    answer.add_attribute(&error).ok()?;
    answer.add_message_integrity(credentials, algorithm).ok()?;
    Some(answer.finish())
}

/// A refresh with lifetime 0 that was granted. SPEC: RFC 8656 §7.2.
fn gives_up(answer: &[u8]) -> bool {
    let Ok(message) = Message::from_bytes(answer) else {
        return false;
    };
    message.method() == REFRESH
        && message.class() == MessageClass::Success
        && message
            .attribute::<Lifetime>()
            .is_ok_and(|lifetime| lifetime.seconds() == 0)
}

/// 401, 438 or 441.
fn refuses_credentials(answer: &[u8]) -> bool {
    let Ok(message) = Message::from_bytes(answer) else {
        return false;
    };
    let code = message.attribute::<ErrorCode>().map(|error| error.code());
    code.is_ok_and(|code| {
        [
            ErrorCode::UNAUTHORIZED,
            ErrorCode::STALE_NONCE,
            ErrorCode::WRONG_CREDENTIALS,
        ]
        .contains(&code)
    })
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
