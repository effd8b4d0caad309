//! The annotated example, made from the code: `deploy/conclave.toml` is this text and a test holds it so.

use confique::toml::{FormatOptions, template};

use super::settings::Settings;

/// The example.
#[must_use]
pub fn example() -> String {
    // The library marks keys that have no default as "Required!" only if they are; ours are optional or have one.
    template::<Settings>(FormatOptions::default())
}
