//! `conclave serve`: from arguments to a running server, and from a signal to its end.

use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use super::{args::SettingsArguments, voice};
use crate::{
    Server,
    config::{Config, Transport, origin},
    error::Error,
    hardening, logging,
    manager::{self, Sockets},
};

pub(super) fn run(arguments: &SettingsArguments) -> Result<(), Error> {
    // First of all: there must be no threads yet.
    let sockets = Sockets::from_environment()?;
    let config = Config::resolve(&arguments.sources()?.load()?)?;
    logging::install(config.log_level);
    voice::panic_by_place_only();
    if !hardening::apply() {
        voice::note("the system did not let core dumps be switched off");
        voice::hint("set LimitCORE=0 in the service that starts this");
    }
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Local {
            what: "cannot start threads",
            source,
        })?;
    let result = runtime.block_on(serve(config, sockets));
    // A blocking thread that hangs on a disk must not keep the process.
    runtime.shutdown_background();
    result
}

async fn serve(config: Config, sockets: Sockets) -> Result<(), Error> {
    let listen = |kind| {
        signal(kind).map_err(|source| Error::Local {
            what: "cannot listen for signals",
            source,
        })
    };
    let (interrupt, terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let plain = config.transport == Transport::Plain;
    let server = Server::bind_with(config, sockets).await?;
    voice::note(&format!("listening on {}", origin(server.name())));
    if plain && !server.http_addr().ip().is_loopback() {
        voice::hint("this address speaks plain http; put a proxy that ends TLS in front of it");
    }
    server.run(ended(interrupt, terminate)).await?;
    voice::note("stopped");
    Ok(())
}

async fn ended(mut interrupt: Signal, mut terminate: Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    manager::stopping();
}
