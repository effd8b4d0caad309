//! How many people fit this machine and line: the least of what processors, line, memory and files carry.
//!
//! An estimate, for choosing a machine: each figure says where it comes from, and is rounded towards fewer people. It counts nobody.

use serde::Serialize;

use super::facts::Facts;

/// What one person receives, in kbit/s: pictures of 1,500 (a speaker in 720p, or eight small ones, as the client asks for them) and two
/// open microphones of 100 each (padded and constant, measured). All eight open add 600.
const PERSON_KBIT: u64 = 1_700;

/// Packets per second that this makes: two voices at 50, and pictures in packets of 1,100 bytes.
const PERSON_PACKETS: u64 = 2 * 50 + 1_500_000 / 8 / 1_100;

/// Packets per second that one processor forwards. One system call for each costs 4.4 µs and sealing 0.3 µs, measured on a virtual
/// processor of a server of 2021; half of that, because receiving and feedback cost as well.
const PROCESSOR_PACKETS: u64 = 100_000;

/// Memory of one person: queues of the socket, keys, and a second of packets for repeating what was lost.
const PERSON_BYTES: u64 = 2 << 20;

/// Memory that the system and the server need before anybody comes.
const BASE_BYTES: u64 = 256 << 20;

/// Files of one person: the socket, and what a browser opens to load the page.
const PERSON_FILES: u64 = 2;

/// Share of a line that may be planned with, in percent: the rest is for repeats, new people's first pictures, and other programs.
const LINE_PERCENT: u64 = 80;

/// How many people, and by what.
#[derive(Serialize, Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// People at a time on the whole server, with camera and microphone.
    pub people: u64,
    /// What is used up first.
    pub limited_by: &'static str,
    /// What the processors alone would carry.
    pub by_processors: u64,
    /// What the line alone would carry; absent if its speed is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_line: Option<u64>,
    /// What memory alone would carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_memory: Option<u64>,
    /// What open files alone would carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_files: Option<u64>,
    /// What the configuration allows.
    pub by_configuration: u64,
    /// The speed of the line that was reckoned with, in Mbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_mbit: Option<u32>,
}

/// Reckons.
#[must_use]
pub fn estimate(facts: &Facts) -> Estimate {
    let by_processors = u64::try_from(facts.processors.max(1)).unwrap_or(1) * PROCESSOR_PACKETS / PERSON_PACKETS;
    // The operator's word on the line is better than the card's, which knows only the first metre.
    let line_mbit = facts.egress_mbit.or(facts.card_mbit);
    let by_line = line_mbit.map(|mbit| {
        let percent = if facts.egress_mbit.is_some() { 100 } else { LINE_PERCENT };
        u64::from(mbit) * 1_000 * percent / 100 / PERSON_KBIT
    });
    let by_memory = facts
        .memory_bytes
        .map(|bytes| bytes.saturating_sub(BASE_BYTES) / PERSON_BYTES);
    let open_files = facts.daemon.as_ref().and_then(|daemon| daemon.open_files);
    let by_files = open_files.map(|files| files.saturating_sub(64) / PERSON_FILES);
    let by_configuration = u64::try_from(facts.connections).unwrap_or(u64::MAX);
    let (people, limited_by) = [
        (Some(by_processors), "processors"),
        (by_line, "line"),
        (by_memory, "memory"),
        (by_files, "files"),
        (Some(by_configuration), "configuration"),
    ]
    .into_iter()
    .filter_map(|(people, what)| Some((people?, what)))
    .min_by_key(|(people, _)| *people)
    .unwrap_or((0, "processors"));
    Estimate {
        people,
        limited_by,
        by_processors,
        by_line,
        by_memory,
        by_files,
        by_configuration,
        line_mbit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Daemon;

    fn machine() -> Facts {
        Facts {
            processors: 2,
            memory_bytes: Some(4 << 30),
            egress_mbit: Some(800),
            connections: 2_048,
            daemon: Some(Daemon {
                open_files: Some(65_536),
                ..Daemon::default()
            }),
            ..Facts::default()
        }
    }

    #[test]
    fn a_rented_machine_with_two_processors_carries_a_few_hundred() {
        let estimate = estimate(&machine());
        assert_eq!(estimate.limited_by, "line");
        assert!((300..600).contains(&estimate.people), "{}", estimate.people);
    }

    #[test]
    fn whatever_is_least_limits_and_is_named() {
        let narrow = |change: fn(&mut Facts)| {
            let mut facts = machine();
            change(&mut facts);
            let estimate = estimate(&facts);
            (estimate.people, estimate.limited_by)
        };
        assert_eq!(narrow(|facts| facts.egress_mbit = Some(17)), (10, "line"));
        assert_eq!(narrow(|facts| facts.memory_bytes = Some(300 << 20)).1, "memory");
        assert_eq!(narrow(|facts| facts.connections = 5), (5, "configuration"));
        assert_eq!(
            narrow(|facts| facts.daemon = Some(Daemon {
                open_files: Some(128),
                ..Daemon::default()
            })),
            (32, "files")
        );
        assert_eq!(
            narrow(|facts| {
                facts.processors = 1;
                facts.egress_mbit = Some(10_000)
            })
            .1,
            "processors"
        );
        assert_eq!(narrow(|facts| facts.memory_bytes = Some(0)).0, 0);
    }

    #[test]
    fn a_card_is_believed_less_than_the_operator() {
        let mut facts = machine();
        facts.egress_mbit = None;
        facts.card_mbit = Some(100);
        let by_card = estimate(&facts).by_line;
        facts.egress_mbit = Some(100);
        assert!(by_card < estimate(&facts).by_line);
        facts.egress_mbit = None;
        facts.card_mbit = None;
        assert_eq!(estimate(&facts).by_line, None);
    }
}
