//! Totals of the whole server, rounded, for the operator: `conclave status`, `conclave metrics`.
//!
//! SECURITY: nothing here is per room, per call, per person or per address, and numbers that move with people are rounded before
//! they leave this file, so that a history of them does not say when one person came or spoke: connections up to the next ten,
//! bytes of media down to ten megabytes, the rate up to the next Mbit/s and averaged over a minute (decision 0016). Each name stands
//! in the golden file `tests/golden/disclosure.txt` with the decision that explains it.

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};
use rustix::{fs::statvfs, process::Resource as Rlimit, process::getrlimit, system::sysinfo};
use serde::{Deserialize, Serialize};
use tokio::time::{self, Duration, Instant};

use crate::{config::Limits, ending::Ending, error::Error};

/// Connections are told in steps of so many. Larger: of no use for small servers. Smaller: a step is one person.
const CONNECTION_STEP: u64 = 10;

/// Bytes of media are told in steps of so many: some minutes of one voice. Smaller: one voice could be timed.
const BYTE_STEP: u64 = 10_000_000;

/// How often the counters are looked at, for the rate.
const LOOK: Duration = Duration::from_secs(10);

/// The rate is an average over so many looks: a minute.
const LOOKS: usize = 6;

/// From so many hundredths of a limit on, the operator is warned.
pub const WARN_PERCENT: u64 = 80;

/// Bytes of media since the start. The media thread counts, without waiting for anybody.
#[derive(Default)]
pub(crate) struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
    /// The latest looks, oldest first.
    looks: Mutex<VecDeque<(Instant, u64)>>,
}

impl Traffic {
    /// Counts a datagram that leaves.
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent
            .fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts one that arrived.
    pub(crate) fn received(&self, bytes: usize) {
        self.received
            .fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn look(&self, now: Instant) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.push_back((now, self.sent.load(Ordering::Relaxed)));
        while looks.len() > LOOKS + 1 {
            looks.pop_front();
        }
    }

    /// Bits per second over the last minute.
    fn rate(&self) -> u64 {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some((from, less)), Some((to, more))) = (looks.front(), looks.back()) else {
            return 0;
        };
        let millis = u64::try_from(to.duration_since(*from).as_millis()).unwrap_or(u64::MAX);
        more.saturating_sub(*less)
            .saturating_mul(8_000)
            .checked_div(millis)
            .unwrap_or(0)
    }

    /// Looks at the counters until `ending`.
    pub(crate) async fn keep_looking(&self, mut ending: Ending) -> Result<(), Error> {
        loop {
            self.look(Instant::now());
            tokio::select! {
                () = ending.reached() => return Ok(()),
                () = time::sleep(LOOK) => {}
            }
        }
    }
}

/// What can run out.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// What is sent, in Mbit/s, averaged over a minute; the limit is the configured one.
    EgressMbit,
    /// Sockets of people, up to the next ten.
    Connections,
    /// Memory in MB; the limit is the service's, or the machine's.
    MemoryMb,
    /// Open files and sockets of the process.
    Files,
    /// The data folder's disk in MB.
    DiskMb,
}

/// How much of something is used.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Of what.
    pub resource: Resource,
    /// Now.
    pub used: u64,
    /// At most; absent: no limit is known.
    pub limit: Option<u64>,
}

impl Usage {
    /// In hundredths of the limit.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        self.used.saturating_mul(100).checked_div(self.limit?)
    }

    /// Whether the operator should do something.
    #[must_use]
    pub fn is_high(&self) -> bool {
        self.percent().is_some_and(|percent| percent >= WARN_PERCENT)
    }
}

/// The state of the whole server, rounded.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Of the program.
    pub version: String,
    /// Start of the process, in seconds since 1970, down to the minute.
    pub started: u64,
    /// Rooms on disk.
    pub rooms: u64,
    /// Media sent since the start, in bytes, down to ten megabytes.
    pub media_sent_bytes: u64,
    /// Media received, likewise.
    pub media_received_bytes: u64,
    /// What can run out.
    pub usage: Vec<Usage>,
}

/// Takes snapshots.
pub(crate) struct Observer {
    pub(crate) traffic: std::sync::Arc<Traffic>,
    limits: Limits,
    data_dir: PathBuf,
    started: u64,
}

impl Observer {
    pub(crate) fn new(traffic: std::sync::Arc<Traffic>, limits: Limits, data_dir: &Path) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        Self {
            traffic,
            limits,
            data_dir: data_dir.to_owned(),
            started: now - now % 60,
        }
    }

    /// `connections` and `rooms` are exact, and rounded here.
    pub(crate) fn snapshot(&self, connections: usize, rooms: u64) -> Snapshot {
        let usage = |resource, used, limit| Usage { resource, used, limit };
        let (disk_used, disk) = disk_mb(&self.data_dir);
        let down = |bytes: u64| bytes - bytes % BYTE_STEP;
        Snapshot {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            rooms,
            media_sent_bytes: down(self.traffic.sent.load(Ordering::Relaxed)),
            media_received_bytes: down(self.traffic.received.load(Ordering::Relaxed)),
            usage: vec![
                usage(
                    Resource::EgressMbit,
                    self.traffic.rate().div_ceil(1_000_000),
                    self.limits.egress_mbit.map(u64::from),
                ),
                usage(
                    Resource::Connections,
                    u64::try_from(connections)
                        .unwrap_or(u64::MAX)
                        .next_multiple_of(CONNECTION_STEP),
                    u64::try_from(self.limits.connections).ok(),
                ),
                usage(Resource::MemoryMb, memory_mb(), memory_limit_mb()),
                usage(Resource::Files, open_files(), getrlimit(Rlimit::Nofile).current),
                usage(Resource::DiskMb, disk_used, disk),
            ],
        }
    }
}

impl Snapshot {
    /// As OpenMetrics text.
    #[must_use]
    pub fn open_metrics(&self) -> String {
        let mut registry = Registry::with_prefix("conclave");
        let version = Info::new([("version", self.version.clone())]);
        registry.register("build", "Version of the program", version);
        let gauge = |registry: &mut Registry, name: &str, help: &str, unit: Option<Unit>, value: u64| {
            let gauge = Gauge::<i64>::default();
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            match unit {
                Some(unit) => registry.register_with_unit(name, help, unit, gauge),
                None => registry.register(name, help, gauge),
            }
        };
        gauge(
            &mut registry,
            "start_time",
            "Start of the process since 1970, down to the minute",
            Some(Unit::Seconds),
            self.started,
        );
        gauge(&mut registry, "rooms", "Rooms on disk", None, self.rooms);
        for (name, help, value) in [
            (
                "media_sent",
                "Media sent since the start, down to ten megabytes",
                self.media_sent_bytes,
            ),
            (
                "media_received",
                "Media received since the start, down to ten megabytes",
                self.media_received_bytes,
            ),
        ] {
            let counter = Counter::<u64>::default();
            counter.inc_by(value);
            registry.register_with_unit(name, help, Unit::Bytes, counter);
        }
        for usage in &self.usage {
            let (name, help, unit, factor) = match usage.resource {
                Resource::EgressMbit => (
                    "egress",
                    "Sent per second, averaged over a minute, up to the next Mbit",
                    Some(Unit::Other("bits".to_owned())),
                    1_000_000,
                ),
                Resource::Connections => ("connections", "Sockets of people, up to the next ten", None, 1),
                Resource::MemoryMb => ("memory", "Memory of the process", Some(Unit::Bytes), 1_000_000),
                Resource::Files => ("open_files", "Open files and sockets of the process", None, 1),
                Resource::DiskMb => (
                    "disk",
                    "Used on the disk of the data folder",
                    Some(Unit::Bytes),
                    1_000_000,
                ),
            };
            gauge(
                &mut registry,
                name,
                help,
                unit.clone(),
                usage.used.saturating_mul(factor),
            );
            if let Some(limit) = usage.limit {
                let (name, help) = (format!("{name}_limit"), format!("Limit of conclave_{name}"));
                gauge(&mut registry, &name, &help, unit, limit.saturating_mul(factor));
            }
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

/// Resident memory. `/proc/self/statm` counts pages.
fn memory_mb() -> u64 {
    let resident = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4_096);
    resident.unwrap_or(0).saturating_mul(page).div_ceil(1_000_000)
}

/// The service's limit if its control group has one, else the machine's memory.
fn memory_limit_mb() -> Option<u64> {
    let machine = sysinfo();
    let machine = machine.totalram.saturating_mul(u64::from(machine.mem_unit));
    let group = fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| {
        let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?.to_owned();
        let limit = fs::read_to_string(Path::new("/sys/fs/cgroup").join(path).join("memory.max")).ok()?;
        limit.trim().parse::<u64>().ok()
    });
    Some(group.map_or(machine, |group| group.min(machine)) / 1_000_000)
}

fn open_files() -> u64 {
    fs::read_dir("/proc/self/fd").map_or(0, |entries| u64::try_from(entries.count()).unwrap_or(u64::MAX))
}

/// Used and all of the disk under a folder.
fn disk_mb(folder: &Path) -> (u64, Option<u64>) {
    let Ok(disk) = statvfs(folder) else { return (0, None) };
    let mb = |blocks: u64| blocks.saturating_mul(disk.f_frsize) / 1_000_000;
    (mb(disk.f_blocks.saturating_sub(disk.f_bavail)), Some(mb(disk.f_blocks)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observer() -> Observer {
        let limits = Limits {
            egress_mbit: Some(100),
            connections: 50,
            ..Limits::default()
        };
        Observer::new(std::sync::Arc::default(), limits, &std::env::temp_dir())
    }

    fn used(snapshot: &Snapshot, resource: Resource) -> Usage {
        *snapshot
            .usage
            .iter()
            .find(|usage| usage.resource == resource)
            .unwrap_or_else(|| panic!("no {resource:?}"))
    }

    #[test]
    fn one_person_more_or_less_is_not_seen() {
        let observer = observer();
        let told = |connections| used(&observer.snapshot(connections, 0), Resource::Connections).used;
        assert_eq!(
            [0, 1, 2, 9, 10, 11, 20].map(told),
            [0, 10, 10, 10, 10, 20, 20],
            "up to the next ten"
        );
        // A minute of one voice, padded, to one listener: 100 kbit/s.
        observer.traffic.sent(750_000);
        observer.traffic.received(750_000);
        let snapshot = observer.snapshot(2, 1);
        assert_eq!((snapshot.media_sent_bytes, snapshot.media_received_bytes), (0, 0));
        observer.traffic.sent(10_000_000);
        assert_eq!(observer.snapshot(2, 1).media_sent_bytes, 10_000_000);
    }

    #[test]
    fn the_rate_is_an_average_and_warns_at_four_fifths() {
        let observer = observer();
        let start = Instant::now();
        observer.traffic.look(start);
        assert_eq!(used(&observer.snapshot(0, 0), Resource::EgressMbit).used, 0);
        // 79 Mbit/s for a minute, then 80.1: five of six looks at 80.1 are not enough, six are.
        for look in 1..=12_u32 {
            observer.traffic.sent(if look <= 6 { 98_000_000 } else { 100_100_000 });
            observer.traffic.look(start + LOOK * look);
            let egress = used(&observer.snapshot(0, 0), Resource::EgressMbit);
            assert_eq!(egress.limit, Some(100));
            assert_eq!(egress.is_high(), look > 8, "look {look}: {}", egress.used);
        }
        let high = used(&observer.snapshot(31, 0), Resource::Connections);
        assert!(high.is_high() && high.percent() == Some(80));
        assert!(!used(&observer.snapshot(30, 0), Resource::Connections).is_high());
    }

    #[test]
    fn what_the_system_says_is_plausible() {
        let snapshot = observer().snapshot(0, 3);
        for (resource, least) in [(Resource::MemoryMb, 1), (Resource::Files, 3), (Resource::DiskMb, 1)] {
            let usage = used(&snapshot, resource);
            assert!(usage.used >= least && usage.limit > Some(usage.used), "{usage:?}");
        }
    }

    #[test]
    fn the_text_is_open_metrics() {
        let observer = observer();
        let text = observer.snapshot(3, 2).open_metrics();
        assert!(text.ends_with("# EOF\n"), "{text}");
        for line in [
            "conclave_rooms 2",
            "conclave_connections 10",
            "conclave_connections_limit 50",
            "conclave_media_sent_bytes_total 0",
            "# UNIT conclave_media_sent_bytes bytes",
            "conclave_egress_limit_bits 100000000",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.contains("conclave_build_info{version=\""), "{text}");
    }
}
