//! The annotated example, made from the code: `deploy/conclave.toml` is this text and a test holds it so.

use confique::toml::{FormatOptions, template};

use super::settings::Settings;

/// The example.
#[must_use]
pub fn example() -> String {
    // The library leaves the one key that everybody sets without a value.
    template::<Settings>(FormatOptions::default()).replacen("#name =\n", "#name = \"meet.example.org\"\n", 1)
}
