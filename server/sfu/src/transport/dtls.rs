//! DTLS 1.2, server side only, as far as the SRTP keys.
//!
//! Carries no application data and offers one SRTP profile. `rtc-dtls` does the cryptography and the state machine; what it lacks
//! is done here and in `reassembly.rs`: its retransmission timer stops at the first record of an incomplete flight and a repeated ClientHello is ignored
//! afterwards, so a lost ServerHello…Done would end the attempt. We keep the datagrams of our last flight and send the very same
//! bytes again when the client repeats itself or nothing moves.
//!
//! SPEC: RFC 6347 §4.2.4 (retransmission), RFC 5764 (use_srtp), RFC 8122 §5 (fingerprint), RFC 7627 (extended master secret).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::dtls::endpoint::{Endpoint, EndpointEvent};
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::shared::TransportProtocol;

use super::flight::{FlightWatch, Notice};
use super::identity::{DtlsIdentity, sha256};
use super::reassembly::Reassembler;
use super::srtp::{self, Opener, Sealer};

/// First wait before a flight is sent again; it doubles. Browsers start at 50 ms (BoringSSL) to 100 ms (NSS); ours is only the
/// second line of defence. Shorter floods paths of 300 ms, longer is felt by the person who joins.
const FIRST_RESEND: Duration = Duration::from_millis(150);
/// The wait stops doubling here, so that ten resends span about fifteen seconds.
const MAX_RESEND: Duration = Duration::from_millis(2_400);
/// How often one flight is sent again for want of progress.
const MAX_TIMED_RESENDS: u32 = 10;
/// How often our Finished is sent again unasked. A client whose Finished reached us but that lacks ours repeats itself too, yet on its own
/// timer, which may be a second, and some give up after seven times.
const MAX_LAST_RESENDS: u32 = 3;
/// How often all flights together may be sent again because the client repeats itself. Bounds amplification: a flight is about 1.1 kB
/// and goes only to an address that has answered our ICE password.
const MAX_PROMPTED_RESENDS: u32 = 32;
/// A client's flight comes in up to four datagrams: one resend answers them all.
const PROMPT_GAP: Duration = Duration::from_millis(30);
/// A handshake not complete by then has failed.
const DEADLINE: Duration = Duration::from_secs(30);
/// RFC 5764 §4.2.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// The library files associations by address. Ours move between addresses, so each has an endpoint of its own, and this stands in for
/// the peer (TEST-NET-1, RFC 5737: never on a wire).
fn stand_in(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 9))
}

/// Content type of alerts.
const ALERT: u8 = 21;

/// HelloVerifyRequest in its record: content type 22, thirteen bytes of header, handshake type 3.
fn is_cookie_request(datagram: &[u8]) -> bool {
    datagram.first() == Some(&22) && datagram.get(13) == Some(&3)
}

/// What handling a datagram came to.
pub(crate) enum Progress {
    /// Nothing to tell.
    Quiet,
    /// The handshake is complete and the certificate is the offered one.
    Ready(Box<(Opener, Sealer)>),
    /// It will never complete.
    Failed,
    /// The peer said goodbye.
    Closed,
}

enum State {
    Handshaking { until: Option<Instant> },
    Complete,
    Over,
}

pub(crate) struct Dtls {
    endpoint: Endpoint,
    identity: DtlsIdentity,
    expected: [u8; 32],
    state: State,
    watch: FlightWatch,
    reassembler: Reassembler,
    last_flight: Vec<Vec<u8>>,
    last_sent: Option<Instant>,
    resend_at: Option<Instant>,
    interval: Duration,
    timed: u32,
    prompted: u32,
    resends: u64,
    outgoing: Vec<Vec<u8>>,
}

impl Dtls {
    /// An association that waits for the client's hello; `expected` is the fingerprint in the offer.
    pub(crate) fn new(identity: &DtlsIdentity, expected: [u8; 32]) -> Self {
        Self {
            endpoint: Endpoint::new(stand_in(1), TransportProtocol::UDP, Some(identity.config())),
            identity: identity.clone(),
            expected,
            state: State::Handshaking { until: None },
            watch: FlightWatch::default(),
            reassembler: Reassembler::default(),
            last_flight: Vec::new(),
            last_sent: None,
            resend_at: None,
            interval: FIRST_RESEND,
            timed: 0,
            prompted: 0,
            resends: 0,
            outgoing: Vec::new(),
        }
    }

    pub(crate) fn expects(&self, fingerprint: &[u8; 32]) -> bool {
        self.expected == *fingerprint && !matches!(self.state, State::Over)
    }

    pub(crate) fn handle_datagram(&mut self, now: Instant, data: &[u8]) -> Progress {
        let complete = match &mut self.state {
            State::Over => return Progress::Quiet,
            State::Complete => true,
            State::Handshaking { until } => {
                until.get_or_insert(now + DEADLINE);
                false
            }
        };
        let notice = self.watch.observe(data, complete);
        if notice == Notice::TooMuch {
            return self.fail(complete);
        }
        let whole = self.reassembler.pass(data);
        let result = match whole.as_slice() {
            [] => Ok(Vec::new()),
            whole => self.endpoint.read(now, stand_in(2), None, BytesMut::from(whole)),
        };
        let fresh = self.collect();
        if fresh.is_empty() {
            if notice == Notice::Repeat {
                self.answer_repeat(now);
            }
        } else if self.said_before(complete, &fresh) {
            if self.watch.begins() || complete {
                self.answer_repeat(now);
            }
        } else {
            self.outgoing.extend(fresh.iter().cloned());
            self.last_sent = Some(now);
            if !complete {
                self.last_flight = fresh;
                self.interval = FIRST_RESEND;
                self.timed = 0;
                self.resend_at = Some(now + FIRST_RESEND);
            }
        }
        match result {
            Ok(events) => self.handle_events(&events),
            // Undecodable records are dropped (RFC 6347 §4.1.2.7), and a forged one must not end the attempt: the deadline does.
            Err(_) => Progress::Quiet,
        }
    }

    /// Whether the library has made anew what we have the bytes of: another cookie request, or our last flight.
    ///
    /// New record numbers for old content do harm: a client that had it already takes them for news, and `rtc-dtls` as a client then
    /// stops its timer or repeats its own last flight in turn. The old bytes are dropped as replays, or are what was missing.
    fn said_before(&self, complete: bool, fresh: &[Vec<u8>]) -> bool {
        let cookie_again = fresh.iter().all(|datagram| is_cookie_request(datagram))
            && self.last_flight.iter().all(|datagram| is_cookie_request(datagram));
        let alert = fresh.iter().any(|datagram| datagram.first() == Some(&ALERT));
        !self.last_flight.is_empty() && (cookie_again || (complete && !alert))
    }

    fn handle_events(&mut self, events: &[EndpointEvent]) -> Progress {
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete => return self.finish(),
                EndpointEvent::PeerClosed => {
                    self.state = State::Over;
                    self.resend_at = None;
                    return Progress::Closed;
                }
                _ => {}
            }
        }
        Progress::Quiet
    }

    /// SECURITY: keys exist for the holder of the certificate named in the offer, and for nobody else.
    fn finish(&mut self) -> Progress {
        let keys = self.endpoint.get_connection_state(stand_in(2)).and_then(|state| {
            let certificate = state.peer_certificates.first()?;
            if sha256(certificate) != self.expected
                || state.srtp_protection_profile() != SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm
            {
                return None;
            }
            let material = state
                .export_keying_material(EXPORTER_LABEL, &[], srtp::KEYING_MATERIAL)
                .ok()?;
            srtp::from_keying_material(self.identity.provider().crypto(), material.as_ref())
        });
        match keys {
            Some(keys) => {
                self.state = State::Complete;
                Progress::Ready(Box::new(keys))
            }
            None => self.fail(false),
        }
    }

    /// A completed association outlives nonsense; an incomplete one does not.
    fn fail(&mut self, complete: bool) -> Progress {
        if complete {
            return Progress::Quiet;
        }
        self.state = State::Over;
        self.resend_at = None;
        Progress::Failed
    }

    fn answer_repeat(&mut self, now: Instant) {
        let recently = self
            .last_sent
            .is_some_and(|at| now.saturating_duration_since(at) < PROMPT_GAP);
        if recently || self.prompted >= MAX_PROMPTED_RESENDS {
            return;
        }
        self.prompted += 1;
        self.resend(now);
    }

    fn resend(&mut self, now: Instant) {
        self.outgoing.extend(self.last_flight.iter().cloned());
        self.last_sent = Some(now);
        self.resends += 1;
    }

    /// The peer has used the keys: it has our last flight.
    pub(crate) fn confirm(&mut self) {
        self.resend_at = None;
    }

    /// Sends the last flight again if it is time; true if the handshake has just run out of time.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        let limit = match self.state {
            State::Handshaking { until: Some(until) } if now >= until => {
                self.fail(false);
                return true;
            }
            State::Handshaking { .. } => MAX_TIMED_RESENDS,
            State::Complete => MAX_LAST_RESENDS,
            State::Over => 0,
        };
        if self.resend_at.is_some_and(|at| now >= at) {
            self.resend(now);
            self.timed += 1;
            self.interval = (self.interval * 2).min(MAX_RESEND);
            self.resend_at = (self.timed < limit).then(|| now + self.interval);
        }
        false
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let until = match self.state {
            State::Handshaking { until } => until,
            State::Complete | State::Over => None,
        };
        [until, self.resend_at].into_iter().flatten().min()
    }

    /// Flights sent again so far.
    pub(crate) fn resends(&self) -> u64 {
        self.resends
    }

    /// The next datagram to send.
    pub(crate) fn poll_datagrams(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.outgoing)
    }

    fn collect(&mut self) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        while let Some(transmit) = self.endpoint.poll_transmit() {
            datagrams.push(transmit.message.to_vec());
        }
        datagrams
    }
}
