//! A layer for tests that panics when something is logged that must never be: an IP address, a run of letters that
//! looks like an id or key, or a name that the test planted.
//!
//! It looks at every level, at events and at spans. It is installed behind the production filter ([`install`]) or
//! naked ([`Guard`] as a layer of one's own). A panic inside a task of a runtime may be swallowed there, so each hit is
//! also counted: a test ends with [`Installed::assert_clean`].

use std::{
    fmt::{self, Write as _},
    net::{Ipv4Addr, Ipv6Addr},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use tracing::{Event, Subscriber, field::Field, span};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
};

/// What kind of thing was found; the thing itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// An IPv4 or IPv6 address.
    Address,
    /// 32 or more hexadecimal digits, 22 or more letters of base64url with digits and both cases among them, or a list
    /// of 16 or more bytes, as `?bytes` writes an array.
    Identifier,
    /// A value that the test planted.
    Planted,
}

/// The layer. Clones share their planted names and their count.
#[derive(Clone, Default)]
pub struct Guard {
    planted: Arc<Mutex<Vec<String>>>,
    hits: Arc<AtomicUsize>,
}

impl Guard {
    /// A guard that knows no planted names yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on this text must not be logged. Shorter than four bytes would hit by chance and is ignored.
    pub fn plant(&self, text: &str) {
        if text.len() >= 4 {
            self.planted
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push(text.to_owned());
        }
    }

    /// How often something was found.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    /// Looks for what must not be in a log line.
    #[must_use]
    pub fn search(&self, text: &str) -> Option<Found> {
        let planted = self.planted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if planted.iter().any(|name| text.contains(name.as_str())) {
            return Some(Found::Planted);
        }
        search_shapes(text)
    }

    fn check(&self, target: &str, text: &str) {
        if let Some(found) = self.search(text) {
            self.hits.fetch_add(1, Ordering::SeqCst);
            panic!("the log would have held a forbidden value ({found:?}), written by {target}");
        }
    }
}

/// Addresses and identifiers, by shape.
fn search_shapes(text: &str) -> Option<Found> {
    let addresses = text.split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'));
    if addresses.into_iter().any(holds_address) {
        return Some(Found::Address);
    }
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    words
        .into_iter()
        .any(looks_like_identifier)
        .then_some(Found::Identifier)
        .or_else(|| holds_bytes(text).then_some(Found::Identifier))
}

/// An address, with or without a port or full stop behind it.
fn holds_address(token: &str) -> bool {
    let token = token.trim_end_matches(['.', ':']);
    if token.split(':').any(|part| part.parse::<Ipv4Addr>().is_ok()) {
        return true;
    }
    // A digit is asked for, because `a::b` in a path of Rust modules parses as an address too.
    token.matches(':').count() >= 2 && token.bytes().any(|b| b.is_ascii_digit()) && token.parse::<Ipv6Addr>().is_ok()
}

fn looks_like_identifier(word: &str) -> bool {
    if word.len() >= 32 && word.bytes().all(|b| b.is_ascii_hexdigit()) {
        return true;
    }
    // 16 bytes are 22 letters of base64url. Words of a sentence with hyphens have no digits and capitals mixed.
    word.len() >= 22
        && word.bytes().any(|b| b.is_ascii_digit())
        && word.bytes().any(|b| b.is_ascii_uppercase())
        && word.bytes().any(|b| b.is_ascii_lowercase())
}

/// The shortest list of bytes that is taken for an identifier: a room id has 16. Fewer would hit on lists of counts.
const BYTES_OF_AN_IDENTIFIER: usize = 16;

/// A list of bytes with commas between them, decimal or hexadecimal, on one line or on many.
fn holds_bytes(text: &str) -> bool {
    let mut in_a_row = 0;
    for item in text.split(',') {
        // Inside a list there is one word between two commas. What stands before its first and behind its last number
        // (a field's name, brackets, the next field) is in the same item as that number.
        let mut words = item
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty());
        let (first, last) = (words.next(), words.next_back());
        in_a_row = if first.is_some_and(is_byte) { in_a_row + 1 } else { 0 };
        if in_a_row >= BYTES_OF_AN_IDENTIFIER {
            return true;
        }
        if let Some(last) = last {
            in_a_row = usize::from(is_byte(last));
        }
    }
    false
}

fn is_byte(word: &str) -> bool {
    let hex = word.strip_prefix("0x").unwrap_or(word);
    word.parse::<u8>().is_ok() || (hex.len() <= 2 && u8::from_str_radix(hex, 16).is_ok())
}

/// All fields of one event or span, as text.
#[derive(Default)]
struct Text(String);

impl tracing::field::Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, "{}={value} ", field.name());
    }
}

impl<S: Subscriber> Layer<S> for Guard {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.check(event.metadata().target(), &text.0);
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let mut text = Text::default();
        attributes.record(&mut text);
        self.check(attributes.metadata().target(), &text.0);
    }

    fn on_record(&self, _: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        values.record(&mut text);
        self.check("a span", &text.0);
    }
}

/// The guard of this test process.
pub struct Installed(Guard);

impl Installed {
    /// See [`Guard::plant`].
    pub fn plant(&self, text: &str) {
        self.0.plant(text);
    }

    /// Fails if anything forbidden was logged since the process began, in whichever thread.
    ///
    /// # Panics
    /// If the guard has hits, or is not the subscriber that was installed.
    pub fn assert_clean(&self) {
        assert_eq!(self.0.hits(), 0, "forbidden values were logged");
    }
}

/// Installs the guard behind the production filter, once per process; every test calls this first.
///
/// # Panics
/// If another global subscriber was installed before: then nothing would be guarded.
pub fn install() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let guard = Guard::new();
        let subscriber = tracing_subscriber::registry().with(Layer::<tracing_subscriber::Registry>::with_filter(
            guard.clone(),
            super::own_targets(),
        ));
        assert!(
            tracing::subscriber::set_global_default(subscriber).is_ok(),
            "another subscriber was there first"
        );
        Installed(guard)
    })
}
