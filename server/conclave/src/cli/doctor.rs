//! `conclave doctor`: facts in, a page for a person or one line of JSON out.

use super::{args::SettingsArguments, voice};
use crate::{
    config::Config,
    doctor::{Level, Report, probe},
    error::Error,
};

/// The exit code is the report's own.
pub(super) fn run(json: bool, settings: &SettingsArguments) -> Result<u8, Error> {
    let config = Config::resolve(&settings.sources()?.load()?)?;
    let report = Report::of(&probe(&config));
    if json {
        voice::json(&report)?;
        return Ok(report.exit_code());
    }
    for finding in &report.findings {
        let mark = match finding.level {
            Level::Good => "good",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Fault => "FAULT",
        };
        voice::result(&format!("{mark:<8} {}", finding.says));
        if let Some(mend) = &finding.mend {
            voice::result(&format!("         {mend}"));
        }
    }
    let fails: Vec<&str> = [
        (report.fails.join, "joining"),
        (report.fails.sound, "sound"),
        (report.fails.picture, "picture"),
    ]
    .into_iter()
    .filter_map(|(fails, what)| fails.then_some(what))
    .collect();
    voice::result(&if fails.is_empty() {
        "\njoining, sound and picture should work".to_owned()
    } else {
        format!("\nwill fail: {}", fails.join(", "))
    });
    let estimate = &report.estimate;
    voice::result(&format!(
        "about {} people at a time fit, with camera and microphone; the {} would be used up first (docs/operators/size.md)",
        estimate.people, estimate.limited_by
    ));
    Ok(report.exit_code())
}
