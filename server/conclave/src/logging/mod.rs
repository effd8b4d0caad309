//! The log: few lines, only ours, without times, addresses, ids or links.
//!
//! Three walls. The types that carry such values cannot be formatted. This subscriber drops every event and span whose
//! target is not one of our crates *before* anything is formatted, because other people's crates do write addresses.
//! And in every test [`guard`] stands behind it and panics on what must never be seen. Lines carry no time: whoever
//! collects the log may add one, but the file by itself does not say when people met.

pub mod guard;

use tracing::{Metadata, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{FilterFn, LevelFilter, filter_fn},
    layer::SubscriberExt,
    registry::LookupSpan,
};

use crate::config::LogLevel;

/// All our crates' targets begin so; nobody else's may.
const OWN_TARGET: &str = "conclave";

/// True for events and spans of our own crates.
fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata
        .target()
        .strip_prefix(OWN_TARGET)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || rest.starts_with('_'))
}

/// The filter that stands in front of everything, in production and in tests.
#[must_use]
pub fn own_targets() -> FilterFn {
    filter_fn(is_own)
}

/// Writes our own events, at this level and above, one line each, to stderr.
fn lines<S>(level: LevelFilter) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_subscriber::fmt::layer()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .with_filter(level)
}

/// Installs the production subscriber. False if another one was there first (tests install theirs).
pub fn install(level: LogLevel) -> bool {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let subscriber = tracing_subscriber::registry().with(lines(level).with_filter(own_targets()));
    tracing::subscriber::set_global_default(subscriber).is_ok()
}
