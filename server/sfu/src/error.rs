//! Everything that can go wrong, by whose fault it is. No variant can hold an address, an id or text from outside.

use thiserror::Error;

/// The peer's fault: why an offer cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum OfferFault {
    /// The connection has not joined a call.
    #[error("not in a call")]
    NotJoined,
    /// More text, lines or m-lines than any browser sends.
    #[error("too large")]
    TooLarge,
    /// Not a session description.
    #[error("not a session description")]
    Malformed,
    /// No audio or video m-line that both sides can use.
    #[error("no usable media")]
    NoMedia,
    /// Media outside one BUNDLE group, or without rtcp-mux.
    #[error("not bundled")]
    NotBundled,
    /// `a=mid` missing, repeated or not a short token.
    #[error("bad mid")]
    BadMid,
    /// ICE credentials missing or malformed.
    #[error("no ice credentials")]
    NoIce,
    /// No SHA-256 certificate fingerprint, or several that differ.
    #[error("no fingerprint")]
    NoFingerprint,
    /// The peer insists on being the DTLS server.
    #[error("dtls role not offered")]
    DtlsRole,
}

/// Local faults, at start only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SfuError {
    /// The cryptographic provider has no ring backend compiled in.
    #[error("no cryptographic provider")]
    NoProvider,
    /// The certificate could not be made.
    #[error("certificate could not be made")]
    Certificate,
    /// The DTLS library refuses our configuration.
    #[error("dtls configuration refused")]
    DtlsConfig,
}
