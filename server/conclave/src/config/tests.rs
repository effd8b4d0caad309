//! Layers, faults, and what follows from a few words.

use std::{collections::BTreeMap, path::PathBuf};

use super::{load::Origin, load::Sources, *};

struct File(PathBuf);

impl File {
    fn new(text: &str) -> Self {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let unique = format!(
            "conclave-config-{}-{}.toml",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(unique);
        std::fs::write(&path, text).expect("a file");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn sources(file: &File, environment: &[(&str, &str)], options: &[(&str, &str)]) -> Sources {
    let mut sources = Sources {
        file: Some(file.0.clone()),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        ..Sources::default()
    };
    sources.set("--data-dir", "data_dir", "/nowhere");
    for (key, value) in options {
        sources.set("--set", key, *value);
    }
    sources
}

fn config(text: &str) -> Config {
    let file = File::new(text);
    let loaded = sources(&file, &[], &[])
        .load()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    Config::resolve(&loaded).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn faults(text: &str, environment: &[(&str, &str)], options: &[(&str, &str)]) -> Vec<String> {
    let file = File::new(text);
    let loaded = sources(&file, environment, options).load();
    let result = loaded.and_then(|loaded| Config::resolve(&loaded));
    match result {
        Err(Error::Config(faults)) => faults
            .iter()
            .map(|fault| {
                let said = fault.to_string().replace(&file.0.display().to_string(), "FILE");
                match fault.what_to_do() {
                    Some(hint) => format!("{said} | {hint}"),
                    None => said,
                }
            })
            .collect(),
        Err(error) => panic!("another error: {error}"),
        Ok(_) => Vec::new(),
    }
}

#[test]
fn only_names_of_this_machine_are_served_in_the_clear() {
    for (name, expected) in [
        ("localhost:8443", "http://localhost:8443"),
        ("127.0.0.1:80", "http://127.0.0.1:80"),
        ("[::1]:8443", "http://[::1]:8443"),
        ("a.localhost", "http://a.localhost"),
        ("meet.example", "https://meet.example"),
        ("localhost.evil.example", "https://localhost.evil.example"),
        ("192.0.2.1:8443", "https://192.0.2.1:8443"),
    ] {
        assert_eq!(
            parse_name(name).map(|name| origin(&name)).ok().as_deref(),
            Some(expected)
        );
    }
}

#[test]
fn a_public_server_offers_its_public_addresses_and_none_behind_nat() {
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    let own = [ip("203.0.113.5"), ip("fd00::1"), ip("2001:db8::5"), ip("192.168.1.2")];
    assert_eq!(
        super::public_candidates(own.into_iter(), 443).ok(),
        Some(vec![
            SocketAddr::new(ip("203.0.113.5"), 443),
            SocketAddr::new(ip("2001:db8::5"), 443)
        ])
    );
    let behind_nat = super::public_candidates([ip("192.168.1.2")].into_iter(), 443);
    assert!(matches!(behind_nat, Err(Error::NoPublicAddress)));
}

#[test]
fn a_wildcard_offers_what_was_named_as_public() {
    let bound = SocketAddr::from(([0, 0, 0, 0], 9));
    let mut config = Config {
        udp: Some(bound),
        ..Config::local(PathBuf::new())
    };
    config.public_addresses = vec![
        IpAddr::from([192, 0, 2, 7]).into(),
        "192.0.2.8:10".parse().expect("an address"),
    ];
    assert_eq!(
        config.candidates(bound).ok(),
        Some(vec![
            SocketAddr::from(([192, 0, 2, 7], 9)),
            SocketAddr::from(([192, 0, 2, 8], 10))
        ])
    );
}

#[test]
fn the_page_stays_on_loopback_and_media_does_not_because_firefox_refuses_it_there() {
    let mut config = Config::local(PathBuf::new());
    let page = SocketAddr::from(([127, 0, 0, 1], 9));
    let bound = config.media_address(page);
    assert_eq!(bound, SocketAddr::from(([0, 0, 0, 0], 9)));
    let candidates = config.candidates(bound).expect("candidates");
    assert_eq!(candidates.first(), Some(&page));
    // The second is there on every machine that has a network.
    let (_, rest) = candidates.split_first().expect("a candidate");
    assert!(rest.len() <= 1 && rest.iter().all(|own| !own.ip().is_loopback() && own.port() == 9));

    config.listen = SocketAddr::from(([0_u16, 0, 0, 0, 0, 0, 0, 1], 9));
    assert_eq!(config.media_address(config.listen), SocketAddr::from(([0_u16; 8], 9)));
    config.listen = SocketAddr::from(([192, 0, 2, 7], 9));
    assert_eq!(
        config.media_address(config.listen),
        config.listen,
        "one address was named"
    );
    config.listen = page;
    config.transport = Transport::Proxied(Vec::new());
    assert_eq!(config.media_address(page), page, "there is a proxy in front");
    config.transport = Transport::Plain;
    config.udp = Some(page);
    assert_eq!(config.media_address(page), page, "the operator said so");
}

#[test]
fn nothing_at_all_is_a_server_for_this_machine() {
    let config = config("");
    assert!(config.name.is_none());
    assert_eq!(config.listen, SocketAddr::from(([127, 0, 0, 1], 8443)));
    assert_eq!(config.transport, Transport::Plain);
    let local = Config::local(PathBuf::new());
    assert_eq!(
        (config.udp, config.turn, config.limits),
        (local.udp, local.turn, local.limits)
    );
    assert!(config.log_level == local.log_level && config.public_addresses == local.public_addresses);
}

#[test]
fn a_name_is_a_server_for_the_world() {
    let config = config("name = 'meet.example.org'");
    assert_eq!(config.listen, SocketAddr::from(([0_u16; 8], 443)));
    assert_eq!(config.udp, None);
    assert!(
        matches!(&config.transport, Transport::Tls(Certificates::Acme { directory, root: None })
        if directory.contains("letsencrypt"))
    );
    let other_port = self::config("name = 'meet.example.org:8443'");
    assert_eq!(other_port.listen, SocketAddr::from(([0_u16; 8], 8443)));
}

#[test]
fn behind_a_proxy_only_the_media_is_open_to_the_world() {
    let config = config("name = 'meet.example.org'\n[listen]\nbehind_proxy = true");
    assert_eq!(config.listen, SocketAddr::from(([127, 0, 0, 1], 8443)));
    assert_eq!(config.udp, Some(SocketAddr::from(([0_u16; 8], 443))));
    let Transport::Proxied(networks) = &config.transport else {
        panic!("not behind a proxy")
    };
    assert!(networks.iter().any(|net| net.contains(&IpAddr::from([127, 0, 0, 1]))));
    assert!(!networks.iter().any(|net| net.contains(&IpAddr::from([192, 0, 2, 1]))));
}

#[test]
fn two_files_are_a_certificate() {
    let config = config("name = 'meet.example.org'\n[tls]\ncertificate = '/a.pem'\nkey = '/b.pem'");
    assert!(matches!(config.transport, Transport::Tls(Certificates::Files { .. })));
}

#[test]
fn options_win_over_the_environment_and_the_environment_over_the_file() {
    let file = File::new("[limits]\nconnections = 10\nconnections_per_address = 11\nturn_allocations = 12");
    let loaded = sources(
        &file,
        &[
            ("CONCLAVE_LIMITS_CONNECTIONS", "20"),
            ("CONCLAVE_LIMITS_CONNECTIONS_PER_ADDRESS", "21"),
            ("CONCLAVE_NAME", ""),
        ],
        &[("limits.connections", "29"), ("limits.connections", "30")],
    )
    .load()
    .unwrap_or_else(|error| panic!("{error}"));
    let limits = Config::resolve(&loaded)
        .unwrap_or_else(|error| panic!("{error}"))
        .limits;
    assert_eq!(
        (
            limits.connections,
            limits.connections_per_address,
            limits.turn_allocations
        ),
        (30, 21, 12)
    );
    assert_eq!(limits.egress_mbit, None);
    for (key, origin) in [
        ("limits.connections", Origin::Option),
        ("limits.connections_per_address", Origin::Environment),
        ("limits.turn_allocations", Origin::File),
        ("log.level", Origin::Default),
        ("name", Origin::Default),
    ] {
        assert_eq!(loaded.origin(key), origin, "{key}");
    }
}

#[test]
fn lists_and_quotes_are_read_from_one_string() {
    let file = File::new("public_addresses = ['192.0.2.1', '192.0.2.2:5', { ip = '2001:db8::1', port = 7 }]");
    let written = |options: &[(&str, &str)]| {
        let loaded = sources(&file, &[], options)
            .load()
            .unwrap_or_else(|error| panic!("{error}"));
        let addresses = loaded.settings.public_addresses.iter().map(ToString::to_string);
        (addresses.collect::<Vec<_>>().join(" "), loaded.settings.tls.mode)
    };
    assert_eq!(written(&[]).0, "192.0.2.1 192.0.2.2:5 [2001:db8::1]:7");
    assert_eq!(
        written(&[("public_addresses", "192.0.2.9, [2001:db8::2]:8")]).0,
        "192.0.2.9 [2001:db8::2]:8"
    );
    assert_eq!(written(&[("public_addresses", "192.0.2.9")]).0, "192.0.2.9");
    assert_eq!(written(&[("public_addresses", "['192.0.2.9']")]).0, "192.0.2.9");
    for text in ["off", "\"off\"", "'off'"] {
        assert_eq!(written(&[("tls.mode", text)]).1, Some(TlsMode::Off));
    }
}

#[test]
fn unknown_keys_are_errors_that_suggest_the_right_one() {
    assert_eq!(
        faults(
            "# a\nnmae = 'x'\n[limits]\n\negress = 5\ncolour = 1\n[lisen]\n",
            &[],
            &[("tls.mod", "off")]
        ),
        [
            "--set: there is no key 'tls.mod' | did you mean 'tls.mode'?",
            "FILE:2: there is no key 'nmae' | did you mean 'name'?",
            "FILE:5: there is no key 'limits.egress' | did you mean 'limits.egress_mbit'?",
            "FILE:6: there is no key 'limits.colour' | 'conclave config example' shows all keys",
            "FILE:7: there is no key 'lisen' | did you mean 'listen'?",
        ]
    );
    assert_eq!(
        faults("", &[("CONCLAVE_LIMITS_EGRESS", "5"), ("CONCLAVE_BIN_DIR", "/x")], &[]),
        [
            "the environment: there is no variable 'CONCLAVE_LIMITS_EGRESS' | did you mean 'CONCLAVE_LIMITS_EGRESS_MBIT'?"
        ]
    );
}

#[test]
fn wrong_values_are_found_where_they_stand() {
    for (text, said) in [
        ("name = 5", "FILE:1: invalid type: integer `5`, expected a string"),
        ("name = 'http://x'", "name: 'http://x' is not a server name | a name is"),
        ("[listen]\nhttps = 'here'", "FILE:2: invalid socket address syntax"),
        (
            "listen = 5",
            "FILE:1: 'listen' is a section; write [listen] and its keys below",
        ),
        ("[limits]\nconnections = 0", "FILE:2: "),
        ("[limits]\negress_mbit = 0", "FILE:2: "),
        (
            "[log]\nlevel = 'loud'",
            "FILE:2: unknown variant `loud`, expected one of `error`",
        ),
        ("[tls]\nmode = 'files'", "tls.certificate: own certificates need both"),
        (
            "[tls]\nmode = 'acme'",
            "tls.mode: a certificate from an authority needs a public name",
        ),
        (
            "name = '192.0.2.1'",
            "tls.mode: a certificate from an authority needs a public name",
        ),
        (
            "public_addresses = ['meet.example']",
            "FILE:1: 'meet.example' is not an IP address",
        ),
        (
            "public_addresses = ['0.0.0.0']",
            "public_addresses: nobody can send to '0.0.0.0'",
        ),
        (
            "name = 'a.example'\n[listen]\nhttps = '[::]:80'\n[tls]\nmode = 'off'",
            "tls.mode: plain HTTP under a public name",
        ),
        (
            "[tls]\nacme_directory = 'http://x'",
            "tls.acme_directory: an ACME directory begins",
        ),
        (
            "name = 'a.example'\n[listen]\nbehind_proxy = true\n[tls]\nmode = 'acme'",
            "listen.behind_proxy: a proxy passes on plain HTTP, but tls.mode is \"acme\"",
        ),
        ("x = [", "FILE:1: "),
    ] {
        let found = faults(text, &[], &[]);
        assert!(
            found.len() == 1 && found.iter().all(|fault| fault.starts_with(said)),
            "{text}: {found:?}"
        );
    }
    let found = faults(
        "",
        &[("CONCLAVE_LIMITS_CONNECTIONS", "many")],
        &[("listen.https", "here")],
    );
    assert!(
        found
            .first()
            .is_some_and(|fault| fault.starts_with("--set: invalid socket address"))
            && found
                .get(1)
                .is_some_and(|fault| fault.starts_with("CONCLAVE_LIMITS_CONNECTIONS: invalid type")),
        "{found:?}"
    );
}

#[test]
fn a_named_file_must_be_there_and_the_systems_need_not() {
    let mut sources = Sources {
        file: Some(PathBuf::from("/nowhere/at/all.toml")),
        ..Sources::default()
    };
    assert!(matches!(sources.load(), Err(Error::ConfigFile { .. })));
    sources.system_file = sources.file.take();
    assert!(
        sources
            .load()
            .is_ok_and(|loaded| loaded.file.is_none() && !loaded.is_system)
    );
    let there = File::new("name = 'a.example'");
    sources.system_file = Some(there.0.clone());
    assert!(sources.load().is_ok_and(|loaded| loaded.is_system));
}

#[test]
fn every_key_is_shown_and_has_its_own_variable() {
    let file = File::new(
        "name = 'a.example'\n[tls]\nmode = 'files'\ncertificate = '/a'\nkey = '/b'\nacme_ca = '/c'\n[limits]\negress_mbit = 9",
    );
    let loaded = sources(&file, &[], &[])
        .load()
        .unwrap_or_else(|error| panic!("{error}"));
    let config = Config::resolve(&loaded).unwrap_or_else(|error| panic!("{error}"));
    let shown = show(&loaded, &config);
    assert_eq!(shown.len(), keys::all().len());
    for line in &shown {
        let value = line
            .value
            .as_deref()
            .unwrap_or_else(|| panic!("{} is not shown", line.key));
        assert!(format!("x = {value}").parse::<toml::Table>().is_ok(), "{value}");
    }
    let variables: std::collections::BTreeSet<_> = keys::all().iter().map(|key| keys::variable(key)).collect();
    assert_eq!(variables.len(), keys::all().len());
}

/// Taking away the # gives a configuration that is read, and is the default.
#[test]
fn the_example_is_the_default_in_words() {
    let mut text = String::new();
    for line in example().lines() {
        let bare = line
            .strip_prefix('#')
            .filter(|rest| !rest.is_empty() && !rest.starts_with(' '));
        match bare {
            Some(key) if key.ends_with('=') || key.starts_with("name =") => {}
            Some(key) => text.push_str(key),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    assert!(faults(&text, &[], &[]).is_empty(), "{text}");
    let file = File::new(&text);
    let loaded = sources(&file, &[], &[])
        .load()
        .unwrap_or_else(|error| panic!("{error}"));
    let nothing = File::new("");
    let default = sources(&nothing, &[], &[])
        .load()
        .unwrap_or_else(|error| panic!("{error}"));
    let shown = |loaded: &load::Loaded| -> Vec<(String, Option<String>)> {
        let config = Config::resolve(loaded).unwrap_or_else(|error| panic!("{error}"));
        show(loaded, &config)
            .into_iter()
            .map(|line| (line.key, line.value))
            .collect()
    };
    assert_eq!(shown(&loaded), shown(&default));
    for key in keys::all() {
        let name = key.rsplit('.').next().unwrap_or(&key);
        assert!(
            example().lines().any(|line| line.starts_with(&format!("#{name} ="))),
            "{key}"
        );
    }
}
