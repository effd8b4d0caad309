//! The configuration in force, key by key, with where each value comes from. It holds no secret: keys are paths of files.

use super::{Certificates, Config, Transport, keys, load::Loaded, load::Origin, settings::TlsMode};

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// Its path.
    pub key: String,
    /// What is in force, in TOML; `None`: not set, and nothing follows from that.
    pub value: Option<String>,
    /// `default`, `file`, `environment` or `option`.
    pub from: &'static str,
}

/// All keys in the order of the example.
#[must_use]
pub fn show(loaded: &Loaded, config: &Config) -> Vec<Shown> {
    let shown = |key: String| Shown {
        value: value(&key, loaded, config),
        from: match loaded.origin(&key) {
            Origin::Option => "option",
            Origin::Environment => "environment",
            Origin::File => "file",
            Origin::Default => "default",
        },
        key,
    };
    keys::all().into_iter().map(shown).collect()
}

fn value(key: &str, loaded: &Loaded, config: &Config) -> Option<String> {
    let settings = &loaded.settings;
    let text = |text: String| toml::Value::String(text).to_string();
    let path = |path: &std::path::Path| text(path.display().to_string());
    let list = |items: Vec<String>| {
        let items: Vec<String> = items.into_iter().map(text).collect();
        format!("[{}]", items.join(", "))
    };
    match key {
        "name" => config.name.as_ref().map(|name| text(name.as_str().to_owned())),
        "data_dir" => Some(path(&config.data_dir)),
        "public_addresses" => Some(list(config.public_addresses.iter().map(ToString::to_string).collect())),
        "listen.https" => Some(text(config.listen.to_string())),
        "listen.udp" => Some(text(config.media_address(config.listen).to_string())),
        "listen.behind_proxy" => Some(settings.listen.behind_proxy.to_string()),
        "listen.proxy_addresses" => Some(list(
            settings
                .listen
                .proxy_addresses
                .iter()
                .map(ToString::to_string)
                .collect(),
        )),
        "tls.mode" => Some(text(
            match config.transport {
                Transport::Plain | Transport::Proxied(_) => TlsMode::Off,
                Transport::Tls(Certificates::Files { .. }) => TlsMode::Files,
                Transport::Tls(Certificates::Acme { .. }) => TlsMode::Acme,
            }
            .to_string(),
        )),
        "tls.certificate" => settings.tls.certificate.as_deref().map(path),
        "tls.key" => settings.tls.key.as_deref().map(path),
        "tls.acme_directory" => Some(text(settings.tls.acme_directory.clone())),
        "tls.acme_ca" => settings.tls.acme_ca.as_deref().map(path),
        "turn.enabled" => Some(config.turn.to_string()),
        "limits.egress_mbit" => config.limits.egress_mbit.map(|mbit| mbit.to_string()),
        "limits.connections" => Some(config.limits.connections.to_string()),
        "limits.connections_per_address" => Some(config.limits.connections_per_address.to_string()),
        "limits.turn_allocations" => Some(config.limits.turn_allocations.to_string()),
        "limits.room_days" => Some(config.limits.room_days.to_string()),
        "log.level" => Some(text(config.log_level.to_string())),
        "admin.socket" => Some(path(&config.admin_socket())),
        // A new key is missing here until a test says so.
        _ => None,
    }
}
