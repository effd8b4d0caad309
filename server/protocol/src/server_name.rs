//! A server's name in its one spelling: lowercase `host[:port]`, port 443 left out.
//!
//! It takes part in every key that belongs to a server, so two spellings of one server would be two servers. The rules follow what a browser's
//! address bar does to a host, and refuse what it would rewrite in a way that is easy to get wrong.

use std::net::{Ipv4Addr, Ipv6Addr};

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error as DecodeError,
    encode::{Error as EncodeError, Write},
};

use crate::{binary::lp, error::Error, limits::MAX_SERVER_NAME};

/// The default port, never written.
const DEFAULT_PORT: u16 = 443;

/// A normalised server name of at most 64 bytes. It is an address: it cannot be formatted.
#[derive(Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct ServerName(String);

impl ServerName {
    /// Reads what a person or a link wrote and normalises it: `Meet.Example.org:443` becomes `meet.example.org`.
    ///
    /// Accepted hosts: DNS names in ASCII (other scripts in their `xn--` form), IPv4 in four decimal parts, IPv6 in brackets. Refused: schemes, paths,
    /// user names, empty or over-long labels, other spellings of IPv4, IPv6 zones and IPv4-mapped IPv6 (browsers and Rust write them differently).
    pub fn parse(text: &str) -> Result<Self, Error> {
        if !text.is_ascii() {
            return Err(Error::ServerName);
        }
        let lower = text.to_ascii_lowercase();
        let (host, port) = split_port(&lower)?;
        let host = normal_host(host)?;
        let name = match port {
            Some(port) if port != DEFAULT_PORT => format!("{host}:{port}"),
            _ => host,
        };
        if name.len() > MAX_SERVER_NAME {
            return Err(Error::ServerName);
        }
        Ok(Self(name))
    }

    /// Reads a name that must already be in its one spelling, as everything that comes over the wire must.
    pub fn parse_exact(bytes: &[u8]) -> Result<Self, Error> {
        let text = str::from_utf8(bytes).map_err(|_| Error::ServerName)?;
        let name = Self::parse(text)?;
        if name.0 == text {
            Ok(name)
        } else {
            Err(Error::ServerName)
        }
    }

    /// The name, for connecting to it or writing it where its owner asked for it. Not for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// u8 length ‖ name, as it enters keys, ids and signatures.
    pub(crate) fn lp(&self) -> Vec<u8> {
        lp(self.0.as_bytes())
    }
}

/// Splits at the port's colon, leaving the colons inside an IPv6 literal alone.
fn split_port(text: &str) -> Result<(&str, Option<u16>), Error> {
    let after_bracket = text.rfind(']').map_or(0, |i| i + 1);
    let tail = text.get(after_bracket..).ok_or(Error::ServerName)?;
    let Some(colon) = tail.find(':') else {
        return Ok((text, None));
    };
    let (host, rest) = text.split_at_checked(after_bracket + colon).ok_or(Error::ServerName)?;
    let digits = rest.get(1..).ok_or(Error::ServerName)?;
    let decimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    match digits.parse() {
        Ok(port) if decimal => Ok((host, Some(port))),
        _ => Err(Error::ServerName),
    }
}

fn normal_host(host: &str) -> Result<String, Error> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or(Error::ServerName)?;
        let address: Ipv6Addr = inner.parse().map_err(|_| Error::ServerName)?;
        if address.to_ipv4_mapped().is_some() {
            return Err(Error::ServerName);
        }
        return Ok(format!("[{address}]"));
    }
    let mut last = "";
    for label in host.split('.') {
        let plain = label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if label.is_empty() || label.len() > 63 || !plain || label.starts_with('-') || label.ends_with('-') {
            return Err(Error::ServerName);
        }
        last = label;
    }
    // SPEC: WHATWG URL, "ends in a number": such a host is an IPv4 address or nothing, so 127.1 and 0x7f000001 would be rewritten by a browser.
    let numeric = last.bytes().all(|b| b.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return Err(Error::ServerName);
    }
    Ok(host.to_owned())
}

impl<C> Encode<C> for ServerName {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ServerName {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        Self::parse_exact(d.str()?.as_bytes()).map_err(|_| DecodeError::message("not a server name"))
    }
}
