//! Why a bot could not do what a test asked.

use thiserror::Error;

/// Errors of bots. None holds a name, a link or an address.
#[derive(Debug, Error)]
pub enum BotError {
    /// The text is no guest link.
    #[error("not a guest link")]
    Link,
    /// The link names no server that a bot can reach (plain WebSocket only).
    #[error("the link names no server")]
    NoServer,
    /// The core does not take the name.
    #[error("the core refused: {0}")]
    Core(#[from] conclave_core::CoreError),
    /// The operating system gives no randomness.
    #[error("no randomness")]
    Randomness,
    /// What was waited for did not come in time.
    #[error("waited {waited_ms} ms in vain for: {what} ({seen})")]
    Deadline {
        /// The sentence that the test gave.
        what: String,
        /// What was there instead, in figures.
        seen: String,
        /// How long it waited.
        waited_ms: u128,
    },
    /// The bot has ended.
    #[error("the bot ended before: {0}")]
    Ended(String),
}
