//! The server under the kernel filters of its own unit: `SystemCallFilter`, `RestrictAddressFamilies`, `RestrictNamespaces` and
//! `MemoryDenyWriteExecute` of `deploy/systemd/conclave.service`, enforced here without systemd as process 1.
//!
//! What the unit's lines mean is asked of `systemd-analyze` (Debian package systemd), so a new line in the unit is in force here as
//! well. A filter holds for the thread that installs it and for all that the thread starts: so each test confines a thread
//! and starts the server from it. What is not enforced here: namespaces, mounts, users, resource limits.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Is, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::{
    harness::{Folder, PATIENCE},
    ports,
};

/// EPERM: what the unit's `SystemCallErrorNumber` says.
const NOT_PERMITTED: u32 = 1;
/// ENOSYS: what systemd answers to `clone3`, whose flags a filter cannot see, so that libc falls back to `clone`.
const NOT_THERE: u32 = 38;

/// PROT_WRITE and PROT_EXEC of `mmap` and `mprotect`, SHM_EXEC of `shmat`.
const WRITE: u64 = 2;
const EXECUTE: u64 = 4;
const SHARED_EXECUTE: u64 = 0o100_000;

/// The numbers of the families that the unit names.
const FAMILIES: [(&str, u64); 4] = [("AF_UNIX", 1), ("AF_INET", 2), ("AF_INET6", 10), ("AF_NETLINK", 16)];

/// The daemon's tests that are run confined: between them they bind, serve and end, over TLS, with a certificate that is fetched and
/// renewed, relayed, with media, rooms made and deleted, and a backup beside it.
const TESTS: [&str; 9] = [
    "acme::a_certificate_is_fetched_kept_closed_and_renewed_under_open_sockets",
    "admin::a_deleted_room_leaves_no_byte_on_the_disk",
    "admin::the_folder_and_all_in_it_are_the_operators_alone",
    "admission::rooms_outlive_the_server_and_expired_ones_do_not",
    "http::the_page_is_the_client_or_says_that_there_is_none",
    "media::an_offer_is_answered_with_our_address_and_the_media_port_knows_the_credentials",
    "tls::a_new_certificate_is_taken_and_drops_nobody",
    "turn::allocations_are_limited_and_places_come_back",
    "turn::an_admitted_member_reaches_the_media_plane_over_tls_and_nothing_else",
];

/// The values of a key of the unit, in order, with the unit's rule that a line may repeat a key.
fn unit(key: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/systemd/conclave.service");
    let text = fs::read_to_string(path).expect("the unit");
    let values = text
        .lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.map(str::to_owned).collect()
}

/// systemd's groups of system calls, each with what it lists.
fn groups() -> BTreeMap<String, Vec<String>> {
    let asked = Command::new("systemd-analyze")
        .args(["--no-pager", "syscall-filter"])
        .output();
    let output = asked.unwrap_or_else(|error| panic!("systemd-analyze (Debian package systemd): {error}"));
    let mut groups = BTreeMap::<String, Vec<String>>::new();
    let mut current = String::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let word = line.trim();
        if line.starts_with('@') {
            current = word.to_owned();
        } else if !word.is_empty() && !word.starts_with('#') {
            groups.entry(current.clone()).or_default().push(word.to_owned());
        }
    }
    assert!(groups.len() > 20, "systemd-analyze lists no groups");
    groups
}

fn expand(groups: &BTreeMap<String, Vec<String>>, word: &str, into: &mut BTreeSet<String>) {
    match groups.get(word) {
        Some(members) => members.iter().for_each(|member| expand(groups, member, into)),
        None => {
            assert!(!word.starts_with('@'), "systemd does not know the group {word}");
            into.insert(word.to_owned());
        }
    }
}

/// The names that the unit lets through: its lists in order, those after `~` taken away.
fn allowed() -> BTreeSet<String> {
    let groups = groups();
    let mut allowed = BTreeSet::new();
    for value in unit("SystemCallFilter") {
        let mut named = BTreeSet::new();
        let words = value.trim_start_matches('~').split_whitespace();
        words.for_each(|word| expand(&groups, word, &mut named));
        if value.starts_with('~') {
            allowed.retain(|name| !named.contains(name));
        } else {
            allowed.append(&mut named);
        }
    }
    // systemd lets through what a filtered process needs to become the program at all.
    expand(&groups, "@default", &mut allowed);
    assert!(
        allowed.contains("read") && !allowed.contains("mount"),
        "the unit's filter is not understood"
    );
    allowed
}

fn arch() -> TargetArch {
    std::env::consts::ARCH
        .try_into()
        .expect("a processor that filters exist for")
}

/// The number of a system call on this processor, if it has it: read out of the filter that the library makes of its name.
fn number(name: &str) -> Option<i64> {
    let text = serde_json::json!({ "one": {
        "mismatch_action": "allow",
        "match_action": "trap",
        "filter": [{ "syscall": name }],
    }});
    let mut made = seccompiler::compile_from_json(text.to_string().as_bytes(), arch()).ok()?;
    // The processor's own number is compared first, then that of the call: `JEQ` with the number as its operand.
    let program = made.remove("one")?;
    let compared = program
        .iter()
        .filter(|step| step.code & 0x07 == 0x05 && step.code & 0xf0 == 0x10);
    compared.map(|step| i64::from(step.k)).nth(1)
}

fn condition(argument: u8, mask: u64, value: u64) -> SeccompRule {
    let condition = SeccompCondition::new(argument, Len::Dword, Is::MaskedEq(mask), value).expect("a condition");
    SeccompRule::new(vec![condition]).expect("a rule")
}

/// The unit's filters as the kernel takes them.
fn filters() -> Vec<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = allowed()
        .iter()
        .filter_map(|name| Some((number(name)?, Vec::new())))
        .collect();
    assert!(rules.len() > 150, "only {} calls are let through", rules.len());
    let mut restrict = |name: &str, allow: Vec<SeccompRule>| {
        let number = number(name).unwrap_or_else(|| panic!("no system call {name}"));
        // What is not let through at all stays so.
        rules.entry(number).and_modify(|rule| *rule = allow);
    };
    if unit("MemoryDenyWriteExecute") == ["yes"] {
        restrict("mmap", vec![condition(2, WRITE, 0), condition(2, EXECUTE, 0)]);
        restrict("mprotect", vec![condition(2, EXECUTE, 0)]);
        restrict("pkey_mprotect", vec![condition(2, EXECUTE, 0)]);
        restrict("shmat", vec![condition(2, SHARED_EXECUTE, 0)]);
    }
    let families = unit("RestrictAddressFamilies");
    let families = families.first().map(|line| line.split_whitespace()).expect("families");
    let known: HashMap<_, _> = FAMILIES.into_iter().collect();
    let family = |name: &str| condition(0, 0xffff_ffff, known[name]);
    restrict("socket", families.map(family).collect());
    let allow_listed = (rules, SeccompAction::Errno(NOT_PERMITTED), SeccompAction::Allow);
    let clone3 = number("clone3").expect("clone3");
    let hidden = (
        BTreeMap::from([(clone3, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(NOT_THERE),
    );
    // In this order: the list does not let a thread install another filter.
    [hidden, allow_listed]
        .into_iter()
        .map(|(rules, otherwise, then)| {
            let filter = SeccompFilter::new(rules, otherwise, then, arch()).expect("a filter");
            filter.try_into().expect("a program for the kernel")
        })
        .collect()
}

/// Runs `work` on a thread under the unit's filters.
fn confined<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let filters = filters();
    thread::scope(|scope| {
        let thread = scope.spawn(move || {
            for filter in &filters {
                seccompiler::apply_filter(filter).expect("the kernel takes the filter");
            }
            work()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The filter is in force, and forbids what it should: without this, the other tests here could not fail.
#[test]
fn the_filters_forbid_what_the_unit_does_not_allow() {
    let tried = confined(|| {
        let packets = socket2::Socket::new(socket2::Domain::PACKET, socket2::Type::DGRAM, None);
        let memory = memmap2::MmapMut::map_anon(4_096).expect("memory").make_exec();
        let root = Command::new("chroot").args(["/", "true"]).output();
        let plain = Command::new("true").status();
        (packets.err(), memory.err(), root, plain)
    });
    let (packets, memory, root, plain) = tried;
    let refused = |error: Option<std::io::Error>| error.and_then(|error| error.raw_os_error());
    assert_eq!(refused(packets), Some(1), "a socket of another family");
    assert_eq!(refused(memory), Some(1), "memory that is written and then run");
    assert!(!root.expect("chroot starts").status.success(), "another root");
    assert!(plain.expect("true starts").success());
}

/// The program itself, as the unit starts it: it gets ready, serves, reads its certificate again, and ends when told.
#[test]
fn the_program_starts_serves_and_ends_under_its_units_filters() {
    let folder = Folder::new();
    fs::create_dir_all(&folder.0).expect("a folder");
    let signs = UnixDatagram::bind(folder.0.join("signs")).expect("a socket");
    signs.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let address = format!("127.0.0.1:{}", ports::free());
    let data = folder.0.join("data");
    let child = confined(|| {
        Command::new(env!("CARGO_BIN_EXE_conclave"))
            .args(["serve", "--listen", &address, "--data-dir"])
            .arg(&data)
            .env("NOTIFY_SOCKET", folder.0.join("signs"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    });
    let mut server = Started(child.expect("the program starts"));
    let mut sign = [0; 64];
    let ready = signs
        .recv(&mut sign)
        .is_ok_and(|length| sign[..length].starts_with(b"READY=1"));
    assert!(ready, "{}", words(&mut server.0));

    // The operator's own commands run outside of the unit.
    let operator = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conclave"));
        command
            .args(words)
            .arg("--data-dir")
            .arg(&data)
            .output()
            .expect("the command runs")
    };
    assert!(operator(&["room", "create", "--print-links"]).status.success());
    let copy = folder.0.join("copy");
    assert!(operator(&["backup", &copy.to_string_lossy()]).status.success());
    let mut stream = TcpStream::connect(&address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request).expect("a request");
    let mut answer = String::new();
    assert!(
        stream.read_to_string(&mut answer).is_ok() && answer.ends_with("ok\n"),
        "{answer}"
    );

    let id = server.0.id().to_string();
    assert!(Command::new("kill").arg(&id).status().expect("kill runs").success());
    assert!(server.0.wait().expect("an end").success());
    let said = words(&mut server.0);
    // Hardening that the filter takes away would be reported here.
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
}

fn words(child: &mut Child) -> String {
    let _ = child.kill();
    let mut said = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = stderr.read_to_string(&mut said);
    }
    said
}

/// Everything else that the server does, by running this very program's other tests confined.
#[test]
fn what_the_server_does_it_does_under_its_units_filters() {
    let run = confined(|| -> std::io::Result<Output> {
        Command::new(std::env::current_exe()?)
            .arg("--exact")
            .args(TESTS)
            .stdin(Stdio::null())
            .output()
    });
    let output = run.expect("the tests start");
    let said = String::from_utf8_lossy(&output.stdout);
    let all = format!("{} passed; 0 failed", TESTS.len());
    assert!(output.status.success() && said.contains(&all), "{said}");
}
