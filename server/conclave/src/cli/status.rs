//! `conclave status` and `conclave metrics`: totals of the whole server, never of a room.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::{
    args::{DataArguments, Output},
    voice,
};
use crate::{
    admin::{Refusal, Reply, Request, client::ask_at},
    error::{Error, exit},
    metrics::{Resource, Snapshot, Usage, WARN_PERCENT},
};

/// As JSON: the snapshot, and what to worry about.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    snapshot: &'a Snapshot,
    /// What is at 80 % of its limit or above.
    high: Vec<Resource>,
}

/// The exit code.
pub(super) fn status(check: bool, output: &Output) -> Result<u8, Error> {
    let Reply::Status(snapshot) = ask_at(&output.data.socket()?, &Request::Status {})? else {
        return Err(Error::Refused(Refusal::BadRequest));
    };
    let high: Vec<Usage> = snapshot.usage.iter().copied().filter(Usage::is_high).collect();
    let code = if check && !high.is_empty() { exit::WARNING } else { 0 };
    if output.json {
        voice::json(&Told {
            snapshot: &snapshot,
            high: high.iter().map(|usage| usage.resource).collect(),
        })?;
        return Ok(code);
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let line = |what: &str, value: &str| voice::result(format!("{what:<14} {value}").trim_end());
    line("version", &snapshot.version);
    line("running for", &duration(now.saturating_sub(snapshot.started)));
    line("rooms", &snapshot.rooms.to_string());
    for usage in &snapshot.usage {
        let (what, unit) = words(usage.resource);
        let up_to = if usage.resource == Resource::Connections && usage.used > 0 {
            "up to "
        } else {
            ""
        };
        let of = match (usage.limit, usage.percent()) {
            (Some(limit), Some(percent)) => format!(" of {limit}{unit} ({percent} %)"),
            _ => format!("{unit}, no limit set"),
        };
        line(what, &format!("{up_to}{}{of}", usage.used));
    }
    for usage in high {
        let (what, _) = words(usage.resource);
        voice::note(&format!(
            "warning: {what}: {} % of the limit",
            usage.percent().unwrap_or(WARN_PERCENT)
        ));
        voice::hint(advice(usage.resource));
    }
    Ok(code)
}

pub(super) fn metrics(data: &DataArguments) -> Result<(), Error> {
    let Reply::Metrics { text } = ask_at(&data.socket()?, &Request::Metrics {})? else {
        return Err(Error::Refused(Refusal::BadRequest));
    };
    voice::result(text.trim_end());
    Ok(())
}

fn words(resource: Resource) -> (&'static str, &'static str) {
    match resource {
        Resource::EgressMbit => ("sending", " Mbit/s"),
        Resource::Connections => ("connections", ""),
        Resource::MemoryMb => ("memory", " MB"),
        Resource::Files => ("open files", ""),
        Resource::DiskMb => ("disk", " MB"),
    }
}

fn advice(resource: Resource) -> &'static str {
    match resource {
        Resource::EgressMbit => "at the limit pictures stand still; raise limits.egress_mbit if the line carries more",
        Resource::Connections => "newcomers will be refused; raise limits.connections if memory and line allow it",
        Resource::MemoryMb => "give the machine more memory, or lower limits.connections",
        Resource::Files => "raise LimitNOFILE in the service's unit",
        Resource::DiskMb => {
            "make room on the disk of the data folder; a full one keeps rooms from being made or deleted"
        }
    }
}

fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match () {
        () if days >= 2 => format!("{days} days"),
        () if hours >= 2 => format!("{hours} hours"),
        () => format!("{minutes} minutes"),
    }
}
