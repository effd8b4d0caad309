//! `conclave doctor`: looks at the machine, the name and the running server, says what is wrong, how to mend it, and which of join,
//! sound and picture would fail; and estimates how many people fit.
//!
//! Two halves. [`probe()`] asks the system and the network and judges nothing; [`checks`] judges [`Facts`] and asks nobody, so that
//! every judgement is tested without the machine it is about. It sees this server from this machine: what a firewall in between does
//! is seen only when the same command runs elsewhere, with the name alone.
//!
//! It names nobody: no fact here is about people.

mod certificate;
mod checks;
mod estimate;
mod facts;
mod probe;
mod system;

use serde::Serialize;

use crate::error::exit;

pub use self::{
    checks::{Check, Finding, Level, diagnose},
    estimate::{Estimate, estimate},
    facts::{Daemon, Facts, Reach},
    probe::probe,
};

/// Everything that was found, as `--json` prints it.
#[derive(Serialize)]
pub struct Report {
    /// One for each check, in a fixed order.
    pub findings: Vec<Finding>,
    /// What would not work for people.
    pub fails: Fails,
    /// How many people fit.
    pub estimate: Estimate,
}

/// What people would notice.
#[derive(Serialize, Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Fails {
    /// Nobody could open the page or get in.
    pub join: bool,
    /// Nobody would hear anybody.
    pub sound: bool,
    /// Nobody would see anybody.
    pub picture: bool,
}

impl Report {
    /// Judges facts.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        let findings = diagnose(facts);
        let mut fails = Fails::default();
        for finding in findings.iter().filter(|finding| finding.level == Level::Fault) {
            let also = finding.check.stops();
            fails.join |= also.join;
            fails.sound |= also.sound;
            fails.picture |= also.picture;
        }
        Self {
            findings,
            fails,
            estimate: estimate(facts),
        }
    }

    /// Exit code: 0 if there is nothing to mend, otherwise that of a warning; which of the two it is, JSON says.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let wrong = |finding: &Finding| matches!(finding.level, Level::Warning | Level::Fault);
        if self.findings.iter().any(wrong) {
            exit::WARNING
        } else {
            0
        }
    }
}
