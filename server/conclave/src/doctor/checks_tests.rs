//! Each check on a machine as it should be, and on one with exactly one thing wrong.

use std::net::{IpAddr, Ipv4Addr};

use super::{super::facts::Daemon, *};
use crate::doctor::Report;

const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

/// A rented machine on which all is well.
fn well() -> Facts {
    Facts {
        host: Some("meet.example".to_owned()),
        name_leads_to: Some(vec![OWN]),
        own_addresses: vec![OWN, IpAddr::V4(Ipv4Addr::LOCALHOST)],
        addresses_are_configured: false,
        https_port: 443,
        udp_port: 443,
        plain: false,
        acme: true,
        https_reach: Some(Reach::Answers),
        https_bound: Some(true),
        udp_bound: Some(true),
        udp_reach: Some(Reach::Silent),
        udp_answers_elsewhere: None,
        certificate_days: Some(60),
        certificate_trusted: Some(true),
        clock_is_kept: Some(true),
        clock_s: BUILT_AFTER_S + 1,
        swap_bytes: Some(0),
        cores_are_collected: Some(false),
        authority_reach: Some(Reach::Answers),
        processors: 2,
        memory_bytes: Some(4 << 30),
        egress_mbit: Some(200),
        card_mbit: Some(1_000),
        connections: 2_048,
        receive_buffer_bytes: Some(4 << 20),
        daemon: Some(Daemon {
            open_files: Some(65_536),
            core_bytes: Some(0),
            may_swap: Some(false),
            is_root: Some(false),
            has_capabilities: Some(false),
            may_gain_privileges: Some(false),
            is_filtered: Some(true),
            resident_bytes: Some(30 << 20),
        }),
    }
}

fn daemon(change: impl FnOnce(&mut Daemon)) -> impl FnOnce(&mut Facts) {
    |facts| change(facts.daemon.as_mut().expect("the machine that is well has a server"))
}

/// Only this check speaks, at this level, with these words, and says how to mend it.
#[track_caller]
fn only(change: impl FnOnce(&mut Facts), check: Check, level: Level, words: &str) {
    let mut facts = well();
    change(&mut facts);
    for finding in diagnose(&facts) {
        if finding.check == check {
            assert_eq!(finding.level, level, "{check:?}: {}", finding.says);
            assert!(finding.says.contains(words), "{check:?}: {}", finding.says);
            assert_eq!(finding.mend.is_some(), level != Level::Good, "{check:?}");
        } else {
            assert_eq!(finding.level, Level::Good, "{:?}: {}", finding.check, finding.says);
        }
    }
}

#[test]
fn a_machine_that_is_well_has_nothing_but_good() {
    let report = Report::of(&well());
    assert!(
        report
            .findings
            .iter()
            .all(|finding| finding.level == Level::Good && finding.mend.is_none())
    );
    assert_eq!(report.findings.len(), 11);
    assert_eq!((report.exit_code(), report.fails), (0, Fails::default()));
}

#[test]
fn a_name_that_leads_nowhere_elsewhere_or_half_elsewhere() {
    only(
        |facts| facts.name_leads_to = Some(vec![]),
        Check::Name,
        Level::Fault,
        "leads nowhere",
    );
    only(
        |facts| facts.name_leads_to = None,
        Check::Name,
        Level::Fault,
        "leads nowhere",
    );
    only(
        |facts| facts.name_leads_to = Some(vec![OTHER]),
        Check::Name,
        Level::Fault,
        "another machine",
    );
    only(
        |facts| facts.name_leads_to = Some(vec![OWN, OTHER]),
        Check::Name,
        Level::Warning,
        "1 of 2",
    );
}

#[test]
fn behind_nat_the_remedy_is_the_configuration_not_the_dns() {
    let nat = |facts: &mut Facts| {
        facts.name_leads_to = Some(vec![OTHER]);
        facts.own_addresses = vec![IpAddr::V4(Ipv4Addr::new(100, 64, 0, 3))];
    };
    only(nat, Check::Name, Level::Fault, "router");
    let told = |facts: &mut Facts| {
        facts.name_leads_to = Some(vec![OTHER]);
        facts.own_addresses = vec![OTHER];
        facts.addresses_are_configured = true;
    };
    only(told, Check::Name, Level::Good, "this machine");
}

#[test]
fn ports_that_are_closed_filtered_or_not_served() {
    only(
        |facts| facts.https_bound = Some(false),
        Check::Ports,
        Level::Fault,
        "nobody listens",
    );
    only(
        |facts| facts.https_reach = Some(Reach::Refused),
        Check::Ports,
        Level::Fault,
        "refuses",
    );
    only(
        |facts| facts.https_reach = Some(Reach::Silent),
        Check::Ports,
        Level::Warning,
        "silent",
    );
    only(
        |facts| facts.udp_bound = Some(false),
        Check::Udp,
        Level::Fault,
        "nobody holds UDP 443",
    );
    only(|facts| facts.udp_bound = None, Check::Udp, Level::Note, "could not");
    only(
        |facts| facts.udp_reach = Some(Reach::Refused),
        Check::Udp,
        Level::Fault,
        "is sent back under the name",
    );
    only(
        |facts| facts.udp_answers_elsewhere = Some(OTHER),
        Check::Udp,
        Level::Warning,
        "its answers leave from another address",
    );
}

#[test]
fn a_small_buffer_matters_only_without_the_units_own() {
    let small = |facts: &mut Facts| facts.receive_buffer_bytes = Some(212_992);
    only(small, Check::Udp, Level::Good, "is open");
    let mut facts = well();
    small(&mut facts);
    daemon(|daemon| daemon.is_filtered = Some(false))(&mut facts);
    let finding = diagnose(&facts).into_iter().find(|finding| finding.check == Check::Udp);
    assert_eq!(finding.map(|finding| finding.level), Some(Level::Warning));
}

#[test]
fn certificates_that_ended_are_another_s_or_will_end() {
    only(
        |facts| facts.certificate_days = Some(-1),
        Check::Certificate,
        Level::Fault,
        "has ended",
    );
    only(
        |facts| facts.certificate_trusted = Some(false),
        Check::Certificate,
        Level::Fault,
        "do not trust",
    );
    only(
        |facts| facts.certificate_days = Some(6),
        Check::Certificate,
        Level::Warning,
        "in 6 days",
    );
    let unknown = |facts: &mut Facts| (facts.certificate_days, facts.certificate_trusted) = (None, None);
    only(unknown, Check::Certificate, Level::Note, "could not");
    let plain = |facts: &mut Facts| (facts.plain, facts.certificate_days) = (true, None);
    only(plain, Check::Certificate, Level::Good, "plain HTTP");
}

#[test]
fn a_clock_that_is_wrong_or_left_alone() {
    only(|facts| facts.clock_s = 0, Check::Clock, Level::Fault, "years behind");
    only(
        |facts| facts.clock_is_kept = Some(false),
        Check::Clock,
        Level::Warning,
        "no time service",
    );
    only(
        |facts| facts.clock_is_kept = None,
        Check::Clock,
        Level::Note,
        "could not",
    );
}

#[test]
fn open_files_that_do_not_suffice() {
    only(
        daemon(|daemon| daemon.open_files = Some(64)),
        Check::Files,
        Level::Fault,
        "hardly anybody",
    );
    only(
        daemon(|daemon| daemon.open_files = Some(1_024)),
        Check::Files,
        Level::Warning,
        "about 480 people",
    );
    only(
        daemon(|daemon| daemon.open_files = None),
        Check::Files,
        Level::Note,
        "could not",
    );
}

#[test]
fn memory_that_may_reach_a_disk() {
    let swapping = |facts: &mut Facts| {
        facts.swap_bytes = Some(1 << 30);
        daemon(|daemon| daemon.may_swap = Some(true))(facts);
    };
    only(swapping, Check::Swap, Level::Warning, "written to the disk");
    only(
        |facts| facts.swap_bytes = Some(1 << 30),
        Check::Swap,
        Level::Good,
        "not for the server",
    );
    only(
        daemon(|daemon| daemon.core_bytes = Some(u64::MAX)),
        Check::CoreDumps,
        Level::Warning,
        "the disk",
    );
    let collected = |facts: &mut Facts| {
        facts.cores_are_collected = Some(true);
        daemon(|daemon| daemon.core_bytes = Some(u64::MAX))(facts);
    };
    only(collected, Check::CoreDumps, Level::Warning, "collector");
}

#[test]
fn each_hole_in_the_sandbox_is_named() {
    type Hole = fn(&mut Daemon);
    let holes: [(Hole, &str); 4] = [
        (|daemon| daemon.is_root = Some(true), "root"),
        (|daemon| daemon.has_capabilities = Some(true), "capabilities"),
        (|daemon| daemon.may_gain_privileges = Some(true), "gain privileges"),
        (|daemon| daemon.is_filtered = Some(false), "not filtered"),
    ];
    for (hole, words) in holes {
        only(daemon(hole), Check::Hardening, Level::Warning, words);
    }
}

#[test]
fn the_line_and_the_way_out() {
    only(
        |facts| facts.authority_reach = Some(Reach::Silent),
        Check::Egress,
        Level::Warning,
        "not be renewed",
    );
    only(
        |facts| facts.egress_mbit = Some(2_000),
        Check::Egress,
        Level::Warning,
        "above",
    );
    only(|facts| facts.egress_mbit = None, Check::Egress, Level::Note, "no limit");
}

#[test]
fn a_server_that_does_not_run_is_said_with_what_follows() {
    let mut facts = well();
    facts.daemon = None;
    (facts.https_bound, facts.udp_bound) = (Some(false), Some(false));
    let report = Report::of(&facts);
    assert_eq!(report.exit_code(), crate::error::exit::WARNING);
    let all = Fails {
        join: true,
        sound: true,
        picture: true,
    };
    assert_eq!(report.fails, all);
}

#[test]
fn without_udp_people_get_in_and_neither_hear_nor_see() {
    let mut facts = well();
    facts.udp_bound = Some(false);
    let fails = Report::of(&facts).fails;
    assert!(!fails.join && fails.sound && fails.picture);
}

#[test]
fn addresses_that_nobody_outside_reaches() {
    for inside in [
        "10.1.2.3",
        "192.168.0.1",
        "100.127.255.1",
        "127.0.0.1",
        "fe80::1",
        "fd00::1",
        "::1",
    ] {
        assert!(inside.parse().is_ok_and(|ip| is_inside(&ip)), "{inside}");
    }
    for outside in ["100.128.0.1", "198.51.100.7", "2001:db8::1", "fec0::1"] {
        assert!(outside.parse().is_ok_and(|ip| !is_inside(&ip)), "{outside}");
    }
}
