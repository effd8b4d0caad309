//! Makes the process a poor witness: no core dump, not dumpable, so that no debugger of the same user attaches either.
//!
//! It does not sandbox the process and does not lock memory: the service's unit does that. Called once, before
//! anything secret or personal is in memory. (design: "The server as evidence")

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Switches core dumps off; true if the system granted both parts.
///
/// Refusals are not fatal: a container may forbid the calls and set the limits itself.
pub fn apply() -> bool {
    let no_core = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )
    .is_ok();
    let no_dump = set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok();
    no_core && no_dump
}
