//! Links, the spellings of them that are refused, and servers' names.

use conclave_protocol::{
    LinkError,
    ids::RoomFp,
    keys::{LinkSecret, TicketSecret},
    link::{GuestLink, LinkFlags, ServerName, TicketLink},
};
use serde_json::{Value, json};

use super::{counting, hex, server};

/// A guest link with two servers.
pub fn guest_link() -> GuestLink {
    GuestLink {
        flags: LinkFlags::new(true),
        generation: 3,
        room_fp: RoomFp::from_bytes(counting(0x10)),
        link_secret: LinkSecret::from_bytes(counting(0x40)),
        servers: vec![server("meet.example.org"), server("localhost:8443")],
    }
}

pub fn link() -> Value {
    let guest = guest_link();
    let url = guest.to_url("https://meet.example.org");
    let ticket = TicketLink {
        flags: LinkFlags::default(),
        server: server("meet.example.org"),
        ticket_secret: TicketSecret::from_bytes(counting(0x80)),
    };
    let fragment = guest.to_fragment();
    let text = fragment.as_str();
    let replaced = |at: usize, with: &str| format!("{}{with}{}", &text[..at], &text[at + with.len()..]);
    let refused = |name: &str, text: String, error: LinkError| json!({ "name": name, "text": text, "error": format!("{error:?}") });
    json!({
        "guest": {
            "url": url.as_str(),
            "flags": guest.flags.bits(),
            "generation": guest.generation,
            "room_fp": hex(guest.room_fp.as_bytes()),
            "link_secret": hex(guest.link_secret.expose()),
            "servers": guest.servers.iter().map(ServerName::as_str).collect::<Vec<_>>(),
        },
        "ticket": {
            "url": ticket.to_url("https://meet.example.org").as_str(),
            "server": ticket.server.as_str(),
            "ticket_secret": hex(ticket.ticket_secret.expose()),
        },
        "refused": [
            refused("empty", String::new(), LinkError::NotALink),
            refused("another page", "https://meet.example.org/about".into(), LinkError::NotALink),
            refused("another page's fragment", "https://meet.example.org/#team".into(), LinkError::Cut),
            refused("final z missing", text[..text.len() - 1].into(), LinkError::Cut),
            refused("cut in the middle", text[..60].into(), LinkError::Cut),
            refused("cut where the text reads z", format!("{}z", &text[..60]), LinkError::Cut),
            refused("one character changed", replaced(40, if &text[40..41] == "A" { "B" } else { "A" }), LinkError::Checksum),
            refused("a character that is none", replaced(40, "*"), LinkError::Checksum),
            refused("unknown version", resummed(text, |b| b[0] = 2), LinkError::UnknownVersion),
            refused("unknown critical flag", resummed(text, |b| b[1] = 0b0000_0100), LinkError::UnknownCriticalFlag),
            refused("no server", resummed(text, |b| { b.truncate(52); b.push(0); }), LinkError::Malformed),
            refused("server not in its one spelling", resummed(text, |b| b[54] = b'M'), LinkError::Malformed),
            refused("bytes behind the last server", resummed(text, |b| b.push(0)), LinkError::Malformed),
            refused("a guest link called a personal invite", format!("i{}", &text[1..]), LinkError::Cut),
            refused("host credential", "conclave-host1:AAAA".into(), LinkError::OwnerKey),
            refused("deed", "conclave-deed1:AAAA".into(), LinkError::OwnerKey),
            refused("moderator's key", "conclave-moderator1:AAAA".into(), LinkError::OwnerKey),
        ],
        // Bits 4 to 7 may be ignored by who does not know them.
        "accepted_with_unknown_flag": resummed(text, |b| b[1] = 0b0100_0001),
        "server_names": {
            "normal": [
                ["Meet.Example.ORG", "meet.example.org"],
                ["meet.example.org:443", "meet.example.org"],
                ["localhost:8443", "localhost:8443"],
                ["192.0.2.7:80", "192.0.2.7:80"],
                ["[2001:DB8:0:0::1]:443", "[2001:db8::1]"],
                ["[2001:db8::1]:8443", "[2001:db8::1]:8443"],
                ["xn--bcher-kva.example", "xn--bcher-kva.example"],
            ],
            "refused": [
                "", ".", "a..b", "example.org.", "-a.example", "a-.example", "exa_mple.org", "bücher.example", "https://example.org", "example.org/",
                "user@example.org", "example.org:", "example.org:0", "example.org:080", "example.org:65536", "example.org:+80", "127.1", "1.2.3.256",
                "01.2.3.4", "0x7f.1", "a.0x7f", "2001:db8::1", "[2001:db8::1", "[fe80::1%eth0]", "[::ffff:192.0.2.7]", "[192.0.2.7]",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaa.example.org",
            ],
        },
    })
}

/// A fragment with its bytes changed and the checksum made right again: what a link maker could write, but a slip could not.
fn resummed(fragment: &str, change: impl Fn(&mut Vec<u8>)) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use sha2::{Digest, Sha256};
    let body = fragment[1..].strip_suffix('z').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(body).unwrap();
    bytes.truncate(bytes.len() - 4);
    change(&mut bytes);
    let sum = Sha256::new()
        .chain_update(b"conclave v1 link")
        .chain_update(&fragment.as_bytes()[..1])
        .chain_update(&bytes)
        .finalize();
    bytes.extend(&sum[..4]);
    format!("{}{}z", &fragment[..1], URL_SAFE_NO_PAD.encode(bytes))
}
