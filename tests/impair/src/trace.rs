//! What one flow's handshake looked like, in words: what came when, and what was lost. For the message of a test that failed.
//!
//! Reads clear headers only. SPEC: RFC 8489 §5 (STUN), RFC 6347 §4.1 and §4.2.2 (records, fragments).

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use crate::fate::Direction;

/// Lines kept of a flow: a handshake that was repeated twenty times. The newest matter when it stuck.
const MAX_LINES: usize = 160;

/// The newest handshake datagrams of a flow.
#[derive(Default)]
pub struct Trace {
    lines: VecDeque<String>,
}

impl Trace {
    /// Notes a datagram that came `at` after the program began.
    pub fn note(&mut self, at: Duration, direction: Direction, arrives: bool, data: &[u8]) {
        if self.lines.len() >= MAX_LINES {
            self.lines.pop_front();
        }
        let way = match direction {
            Direction::Up => "up",
            Direction::Down => "down",
        };
        let fate = if arrives { "" } else { " LOST" };
        self.lines
            .push_back(format!("{} {way} {}{fate}", at.as_millis(), describe(data)));
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

fn describe(data: &[u8]) -> String {
    match data {
        [0, 1, ..] => format!("check {}", data.len()),
        [1, 1, ..] => format!("check answered {}", data.len()),
        [0..=3, ..] => format!("STUN {}", data.len()),
        _ => records(data),
    }
}

/// Each record as `epoch.number content`, each clear handshake fragment as `type#message from+size/length`.
fn records(mut data: &[u8]) -> String {
    let mut text = String::new();
    while let Some((header, after)) = data.split_first_chunk::<13>() {
        let [content, _, _, _, epoch, .., seq1, seq0, len1, len0] = *header;
        let length = usize::from(u16::from_be_bytes([len1, len0]));
        let body = after.get(..length).unwrap_or(after);
        data = after.get(length..).unwrap_or_default();
        let name = match content {
            20 => "cipher change",
            21 => "alert",
            22 => "handshake",
            23 => "data",
            _ => "?",
        };
        let _ = write!(text, "[{epoch}.{} {name}", u16::from_be_bytes([seq1, seq0]));
        if content == 22 && epoch == 0 {
            fragments(&mut text, body);
        }
        text.push(']');
    }
    text
}

fn fragments(text: &mut String, mut body: &[u8]) {
    while let Some((header, after)) = body.split_first_chunk::<12>() {
        let [
            kind,
            len2,
            len1,
            len0,
            _,
            message,
            off2,
            off1,
            off0,
            size2,
            size1,
            size0,
        ] = *header;
        let word = |a, b, c| u32::from_be_bytes([0, a, b, c]);
        let name = match kind {
            1 => "ClientHello",
            2 => "ServerHello",
            3 => "HelloVerifyRequest",
            11 => "Certificate",
            12 => "ServerKeyExchange",
            13 => "CertificateRequest",
            14 => "ServerHelloDone",
            15 => "CertificateVerify",
            16 => "ClientKeyExchange",
            _ => "?",
        };
        let size = word(size2, size1, size0);
        let _ = write!(
            text,
            " {name}#{message} {}+{size}/{}",
            word(off2, off1, off0),
            word(len2, len1, len0)
        );
        body = after.get(size as usize..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_a_hello_is_told_from_a_check_and_the_oldest_are_forgotten() {
        let mut hello = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 3, 0, 16];
        hello.extend([1, 0, 5, 0, 0, 1, 0, 4, 0, 0, 0, 4, 9, 9, 9, 9]);
        let mut trace = Trace::default();
        trace.note(Duration::from_millis(7), Direction::Up, false, &hello);
        trace.note(Duration::from_millis(9), Direction::Down, true, &[1, 1, 0, 0]);
        assert_eq!(
            trace.lines().collect::<Vec<_>>(),
            [
                "7 up [0.3 handshake ClientHello#1 1024+4/1280] LOST",
                "9 down check answered 4"
            ]
        );
        for _ in 0..2 * MAX_LINES {
            trace.note(Duration::ZERO, Direction::Up, true, &[22]);
        }
        assert_eq!(trace.lines().count(), MAX_LINES);
    }
}
