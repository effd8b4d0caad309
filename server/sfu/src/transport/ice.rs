//! An ICE-lite agent: answers authenticated binding requests and remembers where the last nominated one came from.
//!
//! Sends no checks of its own, gathers nothing, takes no candidates from the peer. A changed network costs nothing: the browser
//! checks from its new address, nominates it, and media follows at once.
//!
//! SPEC: RFC 8445 §2.5, §7.3 (lite), RFC 8489 §14.5–14.7 (integrity, fingerprint), RFC 7675 (consent).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rtc::crypto::RTCCrypto;
use rtc::stun::attributes::{ATTR_MESSAGE_INTEGRITY, ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{CLASS_REQUEST, CLASS_SUCCESS_RESPONSE, METHOD_BINDING, Message, MessageType, Setter};
use rtc::stun::xoraddr::XorMappedAddress;
use zeroize::Zeroizing;

use crate::entropy::Entropy;

/// Browsers' checks are about 100 bytes; nothing legitimate comes near this.
const MAX_STUN: usize = 1_280;

/// A path without a check for this long is closed: RFC 7675 §5.1. Longer would let a server be aimed at an address whose
/// owner has gone; shorter cuts people off in a lift.
pub(crate) const CONSENT: Duration = Duration::from_secs(30);

/// After an ICE restart the browser goes on checking with the old credentials until it has our answer.
const OLD_CREDENTIALS: Duration = Duration::from_secs(10);

/// ICE characters in our ufrag and password: 48 and 144 bits of randomness (RFC 8839 §5.4 asks for 24 and 128).
const UFRAG_LEN: usize = 8;
const PWD_LEN: usize = 24;

/// A name and password for checks towards us.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) ufrag: String,
    pub(crate) pwd: Zeroizing<String>,
}

impl Credentials {
    pub(crate) fn new(entropy: &mut Entropy) -> Self {
        Self {
            ufrag: entropy.ice_chars(UFRAG_LEN),
            pwd: Zeroizing::new(entropy.ice_chars(PWD_LEN)),
        }
    }
}

/// A syntactically sound binding request. Nothing about it is authenticated yet.
pub(crate) struct BindingRequest {
    message: Message,
    pub(crate) local_ufrag: String,
    remote_ufrag: String,
}

/// Reads a datagram as a binding request with user name and a correct fingerprint.
pub(crate) fn parse_request(data: &[u8]) -> Option<BindingRequest> {
    if data.len() > MAX_STUN {
        return None;
    }
    let mut message = Message::new();
    message.unmarshal_binary(data).ok()?;
    if message.typ.class != CLASS_REQUEST || message.typ.method != METHOD_BINDING {
        return None;
    }
    FINGERPRINT.check(&message).ok()?;
    let username = String::from_utf8(message.get(ATTR_USERNAME).ok()?).ok()?;
    let (local, remote) = username.split_once(':')?;
    Some(BindingRequest {
        local_ufrag: local.to_owned(),
        remote_ufrag: remote.to_owned(),
        message,
    })
}

impl BindingRequest {
    /// SECURITY: what stands behind MESSAGE-INTEGRITY is not authenticated and must not count (RFC 8489 §14.5).
    fn nominates(&self) -> bool {
        let attributes = self.message.attributes.0.iter().map(|attribute| attribute.typ);
        attributes
            .take_while(|typ| *typ != ATTR_MESSAGE_INTEGRITY)
            .any(|typ| typ == ATTR_USE_CANDIDATE)
    }
}

/// The answer to a request that was authentic.
pub(crate) struct Checked {
    pub(crate) response: Vec<u8>,
    pub(crate) nominated: bool,
}

pub(crate) struct IceLite {
    local: Credentials,
    previous: Option<(Credentials, Instant)>,
    remote_ufrag: String,
    selected: Option<SocketAddr>,
    nominated: bool,
    last_check: Option<Instant>,
}

impl IceLite {
    pub(crate) fn new(local: Credentials, remote_ufrag: &str) -> Self {
        Self {
            local,
            previous: None,
            remote_ufrag: remote_ufrag.to_owned(),
            selected: None,
            nominated: false,
            last_check: None,
        }
    }

    pub(crate) fn local(&self) -> &Credentials {
        &self.local
    }

    pub(crate) fn remote_ufrag(&self) -> &str {
        &self.remote_ufrag
    }

    /// ICE restart: new credentials on both sides; returns the ufrag that lapses at once (the one before the previous).
    pub(crate) fn restart(&mut self, now: Instant, local: Credentials, remote_ufrag: &str) -> Option<String> {
        let old = std::mem::replace(&mut self.local, local);
        remote_ufrag.clone_into(&mut self.remote_ufrag);
        let lapsed = self.previous.replace((old, now + OLD_CREDENTIALS));
        lapsed.map(|(credentials, _)| credentials.ufrag)
    }

    /// Checks a request that names one of our ufrags; the answer goes back to where it came from.
    pub(crate) fn check(
        &mut self,
        now: Instant,
        from: SocketAddr,
        request: &mut BindingRequest,
        crypto: &dyn RTCCrypto,
    ) -> Option<Checked> {
        let current = request.local_ufrag == self.local.ufrag;
        let credentials = if current {
            if request.remote_ufrag != self.remote_ufrag {
                return None;
            }
            &self.local
        } else {
            let (credentials, until) = self.previous.as_ref()?;
            if credentials.ufrag != request.local_ufrag || now >= *until {
                return None;
            }
            credentials
        };
        MessageIntegrity::check(&mut request.message, credentials.pwd.as_bytes(), crypto).ok()?;
        let response = success(&request.message, from, &credentials.pwd, crypto)?;
        Some(Checked {
            response,
            nominated: request.nominates(),
        })
    }

    /// Consent is fresh; the nominated address is where media goes from now on. Until one is nominated, the last that an authentic check came from:
    /// browsers finish the DTLS handshake some 40 ms before they nominate, and the first picture need not wait.
    /// SPEC: RFC 8445 §12.1.1 (data may be sent on any valid pair before one is selected).
    pub(crate) fn accept(&mut self, now: Instant, from: SocketAddr, nominated: bool) {
        if nominated || !self.nominated {
            self.selected = Some(from);
        }
        self.nominated |= nominated;
        if self.selected == Some(from) {
            self.last_check = Some(now);
        }
    }

    /// Where to send; nothing before the first authentic check and after consent has lapsed.
    pub(crate) fn selected(&self, now: Instant) -> Option<SocketAddr> {
        let last = self.last_check?;
        if now.saturating_duration_since(last) >= CONSENT {
            return None;
        }
        self.selected
    }
}

fn success(request: &Message, from: SocketAddr, pwd: &str, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
    let mut response = Message::new();
    response.set_type(MessageType::new(METHOD_BINDING, CLASS_SUCCESS_RESPONSE));
    response.transaction_id = request.transaction_id;
    response.write_header();
    XorMappedAddress {
        ip: from.ip(),
        port: from.port(),
    }
    .add_to(&mut response)
    .ok()?;
    let integrity = MessageIntegrity::new_raw_integrity_with_provider(pwd.as_bytes(), crypto);
    integrity.add_to(&mut response).ok()?;
    FINGERPRINT.add_to(&mut response).ok()?;
    Some(response.raw)
}

#[cfg(test)]
#[path = "ice_tests.rs"]
mod tests;
