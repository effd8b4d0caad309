//! Addresses as an operator writes them: public ones with an optional mapped port, and lists of anything.
//!
//! These are the server's own addresses, which stand in its DNS entry. People's addresses never have these types.

use std::{
    fmt,
    marker::PhantomData,
    net::{AddrParseError, IpAddr, SocketAddr},
    str::FromStr,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

/// An address at which clients reach the server's UDP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicAddress {
    /// As seen from outside.
    pub ip: IpAddr,
    /// The port as seen from outside, if a router maps it to another number.
    pub port: Option<u16>,
}

impl PublicAddress {
    /// With the mapped port, or with the one that was bound.
    #[must_use]
    pub fn with_port_of(self, bound: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or_else(|| bound.port()))
    }
}

impl From<IpAddr> for PublicAddress {
    fn from(ip: IpAddr) -> Self {
        Self { ip, port: None }
    }
}

impl FromStr for PublicAddress {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(with_port) = text.parse::<SocketAddr>() {
            return Ok(Self {
                ip: with_port.ip(),
                port: Some(with_port.port()),
            });
        }
        text.parse::<IpAddr>().map(Self::from)
    }
}

impl fmt::Display for PublicAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.ip, port).fmt(f),
            None => self.ip.fmt(f),
        }
    }
}

impl Serialize for PublicAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PublicAddressVisitor)
    }
}

struct PublicAddressVisitor;

impl<'de> Visitor<'de> for PublicAddressVisitor {
    type Value = PublicAddress;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an IP address, with a port if a router maps it")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse()
            .map_err(|_| E::custom(format!("'{text}' is not an IP address")))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            ip: IpAddr,
            port: Option<u16>,
        }
        let Table { ip, port } = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(PublicAddress { ip, port })
    }
}

/// A list, or its items with commas between them in one string, as an environment variable or an option has them.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + FromStr<Err: fmt::Display>,
{
    deserializer.deserialize_any(ListVisitor(PhantomData))
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T> Visitor<'de> for ListVisitor<T>
where
    T: Deserialize<'de> + FromStr<Err: fmt::Display>,
{
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of addresses")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| item.parse().map_err(|error| E::custom(format!("'{item}': {error}"))))
            .collect()
    }
}
