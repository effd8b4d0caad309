//! `conclave config …`: what the server would make of its configuration, without starting it.

use super::{
    args::{ConfigCommand, SettingsArguments},
    voice,
};
use crate::{
    config::{Certificates, Config, Fault, Transport, example, load::Loaded, show},
    error::Error,
};

pub(super) fn run(command: ConfigCommand) -> Result<(), Error> {
    match command {
        ConfigCommand::Check(settings) => check(&settings),
        ConfigCommand::Show { json, settings } => {
            let (loaded, config) = resolved(&settings)?;
            let shown = show(&loaded, &config);
            if json {
                return voice::json(&shown);
            }
            let width = shown.iter().map(|line| line.key.len()).max().unwrap_or(0);
            for line in shown {
                let value = line.value.as_deref().unwrap_or("(not set)");
                voice::result(&format!("{:<width$}  {:<11}  {value}", line.key, line.from));
            }
            Ok(())
        }
        ConfigCommand::Example => {
            voice::result(example().trim_end());
            Ok(())
        }
    }
}

fn resolved(settings: &SettingsArguments) -> Result<(Loaded, Config), Error> {
    let loaded = settings.sources()?.load()?;
    let config = Config::resolve(&loaded)?;
    Ok((loaded, config))
}

fn check(settings: &SettingsArguments) -> Result<(), Error> {
    let (loaded, config) = resolved(settings)?;
    let mut faults = Vec::new();
    let mut readable = |key: &str, path: &std::path::Path| {
        if let Err(error) = std::fs::File::open(path) {
            faults.push(Fault::new(key, format!("cannot read {}: {error}", path.display())));
        }
    };
    match &config.transport {
        Transport::Tls(Certificates::Files { certificate, key }) => {
            readable("tls.certificate", certificate);
            readable("tls.key", key);
        }
        Transport::Tls(Certificates::Acme { root: Some(root), .. }) => readable("tls.acme_ca", root),
        Transport::Tls(Certificates::Acme { root: None, .. }) | Transport::Plain | Transport::Proxied(_) => {}
    }
    if !faults.is_empty() {
        return Err(Error::Config(faults));
    }
    match &loaded.file {
        Some(path) => voice::note(&format!("{} is in order", path.display())),
        None => voice::note("there is no configuration file; the defaults are in order"),
    }
    if config.name.is_none() {
        voice::hint("without a name the server is for this machine alone");
    }
    Ok(())
}
