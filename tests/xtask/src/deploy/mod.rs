//! The step `deploy`: the Debian package is built, judged, installed in a fresh Debian, started there on handed-over sockets, and two
//! native members meet on it; then the same with the root file system of the container. `./x package` builds what a release ships.
//!
//! Nothing here is a copy of what `deploy/` says: the unit, the package and the container's root are the ones that ship. What is not
//! run: systemd as process 1, `docker build`.

mod judge;
mod meet;
mod package;
mod root;

use crate::client::{self, Profile};
use crate::place::Place;
use crate::run::Result;
use crate::tally::Tally;

/// `./x package`: the client and the server as released, and the package around them.
pub fn package(place: &Place) -> Result<()> {
    client::build_all(place, Profile::Release)?;
    let file = package::build(place, package::Build::Release)?;
    client::note(&format!("the package: {}", file.display()));
    Ok(())
}

/// Tools of the step, in the client's lane: a compile that the step itself need not wait for.
pub fn tools(place: &Place) -> Result<Tally> {
    package::cargo_deb(place).map(|_| Tally::default())
}

/// The step.
pub fn check(place: &Place) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut count = |what: &str, result: Result<()>| match result {
        Ok(()) => {
            println!("[deploy] {what}");
            tally.passed += 1;
        }
        Err(failure) => {
            println!("[deploy] not so: {what}: {failure}");
            tally.failed += 1;
        }
    };
    count("the unit is as closed as promised", judge::exposure(place));
    count("the units are well formed", judge::verified(place));
    let package = package::build(place, package::Build::Dev)?;
    count(
        "the package holds what it should, and only the operator's file is configuration",
        package::contents(place, &package),
    );
    let debian = root::installed(place, &package)?;
    count("the installed server is ready for its first start", debian.is_ready());
    count("two members meet on the installed server", meet::on(place, &debian));
    count(
        "removing the package leaves the operator's file, purging does not",
        debian.removed(),
    );
    let container = root::container(place)?;
    count(
        "the container's root holds the server and little else",
        container.is_small(),
    );
    count(
        "two members meet on the container's root, which is read-only",
        meet::on(place, &container),
    );
    Ok(tally)
}
