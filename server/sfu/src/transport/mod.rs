//! One member's path: ICE-lite, DTLS and SRTP behind two calls, "this datagram came" and "send this packet".
//!
//! Knows nothing of tracks, slots or calls.

pub(crate) mod demux;
pub(crate) mod dtls;
mod flight;
pub(crate) mod ice;
pub(crate) mod identity;
mod reassembly;
pub(crate) mod srtp;

use std::net::SocketAddr;
use std::time::Instant;

use dtls::{Dtls, Progress};
use ice::{BindingRequest, Checked, Credentials, IceLite};
use identity::DtlsIdentity;
use srtp::{Opener, Sealer, SrtpFault};

use crate::rtp::RtpHeader;

/// What a DTLS datagram changed, for whole-server counting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    Connected,
    Failed,
    Closed,
}

pub(crate) struct Transport {
    pub(crate) ice: IceLite,
    dtls: Dtls,
    keys: Option<Box<(Opener, Sealer)>>,
    dtls_from: Option<SocketAddr>,
}

impl Transport {
    pub(crate) fn new(identity: &DtlsIdentity, local: Credentials, remote_ufrag: &str, fingerprint: [u8; 32]) -> Self {
        Self {
            ice: IceLite::new(local, remote_ufrag),
            dtls: Dtls::new(identity, fingerprint),
            keys: None,
            dtls_from: None,
        }
    }

    /// Whether an offer with this fingerprint goes on with the association that is there.
    pub(crate) fn continues(&self, fingerprint: &[u8; 32]) -> bool {
        self.dtls.expects(fingerprint)
    }

    /// Answers a check. `claim` is asked, once the check has proven authentic, whether the address may be this member's.
    pub(crate) fn handle_check(
        &mut self,
        now: Instant,
        from: SocketAddr,
        request: &mut BindingRequest,
        identity: &DtlsIdentity,
        claim: impl FnOnce() -> bool,
    ) -> Option<Vec<u8>> {
        let Checked { response, nominated } = self.ice.check(now, from, request, identity.provider().crypto())?;
        if !claim() {
            return None;
        }
        self.ice.accept(now, from, nominated);
        Some(response)
    }

    /// `from` is an address that an authenticated check has come from, nominated or not: DTLS need not wait for nomination.
    pub(crate) fn handle_dtls(&mut self, now: Instant, from: SocketAddr, data: &[u8]) -> Change {
        self.dtls_from = Some(from);
        match self.dtls.handle_datagram(now, data) {
            Progress::Quiet => Change::None,
            Progress::Ready(keys) => {
                self.keys = Some(keys);
                Change::Connected
            }
            Progress::Failed => Change::Failed,
            Progress::Closed => {
                self.keys = None;
                Change::Closed
            }
        }
    }

    pub(crate) fn open_rtp(
        &mut self,
        data: &[u8],
        header: &RtpHeader<'_>,
    ) -> Option<Result<(u64, Vec<u8>), SrtpFault>> {
        let (opener, _) = &mut **self.keys.as_mut()?;
        let opened = opener.open_rtp(data, header.len, header.ssrc, header.sequence);
        if opened.is_ok() {
            self.dtls.confirm();
        }
        Some(opened)
    }

    pub(crate) fn open_rtcp(&mut self, data: &[u8]) -> Option<Result<Vec<u8>, SrtpFault>> {
        let (opener, _) = &mut **self.keys.as_mut()?;
        let opened = opener.open_rtcp(data);
        if opened.is_ok() {
            self.dtls.confirm();
        }
        Some(opened)
    }

    /// The handshake is done: packets can be sealed for this member.
    pub(crate) fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Where to send and with what, if the path is up.
    pub(crate) fn path(&mut self, now: Instant) -> Option<(SocketAddr, &mut Sealer)> {
        let to = self.ice.selected(now)?;
        let (_, sealer) = &mut **self.keys.as_mut()?;
        Some((to, sealer))
    }

    /// Handshake datagrams to send now, with their destination.
    pub(crate) fn poll_handshake(&mut self, now: Instant) -> Option<(SocketAddr, Vec<Vec<u8>>)> {
        let datagrams = self.dtls.poll_datagrams();
        let to = self.ice.selected(now).or(self.dtls_from)?;
        (!datagrams.is_empty()).then_some((to, datagrams))
    }

    /// True if the handshake has just run out of time.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        self.dtls.handle_timeout(now)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.dtls.poll_timeout()
    }

    pub(crate) fn resends(&self) -> u64 {
        self.dtls.resends()
    }
}
