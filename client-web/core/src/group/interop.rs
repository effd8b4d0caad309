//! Another implementation of MLS in one of our groups: `ts-mls`, which shares no code with the library that we use.
//!
//! It joins by our Welcome, with the link's pre-shared key, follows our commits and must come to the same secrets in every epoch: what we call RFC 9420
//! is not only our library's reading of it. It knows none of our own rules, so it never commits here. SPEC: RFC 9420 §7, §8, §12.4; protocol.md §2.
//!
//! In the product's own suite, 0x004F: `tests/interop/member.mjs` says what that number means to us.
#![expect(
    clippy::disallowed_types,
    reason = "the other implementation is a program of its own; nothing outside tests starts it"
)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use conclave_protocol::credential::Role;
use conclave_protocol::order::Decision;

use super::commit::OwnCommit;
use super::tests::{call, identity, keyring, plan, with_role};
use super::*;
use openmls::prelude::OpenMlsProvider as _;

/// What is exported in a call, with lengths.
const LABELS: [(&str, u16); 5] = [
    ("SFrame 1.0 Base Key", 16),
    ("conclave v1 gate", 32),
    ("conclave v1 orders", 32),
    ("conclave v1 lobby", 32),
    ("conclave v1 safety number", 32),
];

/// The link's secret here: 32 times this.
const LINK: u8 = 1;
/// Which member the other implementation is.
const OTHER: u8 = 3;

/// The other implementation, as a process that answers line by line. It ends itself if it takes too long.
struct Other {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Other {
    fn start() -> Self {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/interop"));
        assert!(
            folder.join("node_modules/ts-mls/package.json").exists(),
            "ts-mls is not installed: run `./x test packages`, or `npm ci` in tests/interop"
        );
        let mut process = Command::new("node")
            .arg("member.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node does not start: this test needs 20.19 or newer");
        Self {
            input: process.stdin.take().unwrap(),
            output: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    /// Makes keys and a key package.
    fn knock(&mut self) -> Vec<u8> {
        let data = identity(OTHER).data;
        unhex(&self.ask("package", &[data.member_id.as_bytes(), &data.to_bytes()]))
    }

    /// Joins, as somebody does who was given a link with this secret.
    fn join(&mut self, secret: u8, welcome: &[u8]) -> Result<String, String> {
        self.ask("secret", &[&keyring(secret).room.psk_id(), &[secret; 32]]);
        self.try_ask("welcome", &[welcome])
    }

    /// Its answer, which must be a result.
    fn ask(&mut self, command: &str, values: &[&[u8]]) -> String {
        self.try_ask(command, values).unwrap_or_else(|e| panic!("ts-mls: {e}"))
    }

    fn try_ask(&mut self, command: &str, values: &[&[u8]]) -> Result<String, String> {
        let mut line = command.to_owned();
        for value in values {
            line.push(' ');
            line.push_str(&hex(value));
        }
        writeln!(self.input, "{line}").expect("ts-mls has ended");
        line.clear();
        self.output.read_line(&mut line).unwrap();
        let line = line.strip_suffix('\n').expect("ts-mls has ended without an answer");
        line.strip_prefix("ok ")
            .map(str::to_owned)
            .ok_or_else(|| line.to_owned())
    }

    fn export(&mut self, label: &str, context: &[u8], length: u16) -> String {
        self.ask("export", &[label.as_bytes(), context, &length.to_be_bytes()])
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Our members, the other implementation's, and every epoch's gate secret.
struct Mixed {
    ours: Vec<Group>,
    other: Other,
    seen: BTreeSet<String>,
}

impl Mixed {
    /// A host and a guest of ours, and the other by a commit of the guest's.
    fn new() -> Self {
        let host = with_role(identity(1), Role::Host, 1);
        let mut mixed = Self {
            ours: vec![keyring(LINK).found(host, call()).unwrap()],
            other: Other::start(),
            seen: BTreeSet::new(),
        };
        mixed.let_in(0, 2);
        let package = mixed.other.knock();
        let (package, data) = mixed.ours[1].keyring().read_key_package(&package).unwrap();
        assert!(data == identity(OTHER).data);
        let own = mixed.commit(1, plan(vec![package], Vec::new()));
        mixed.other.join(LINK, &own.welcome.unwrap()).unwrap();
        mixed.agree();
        mixed
    }

    /// A commit by one of ours, which all of ours take.
    fn commit(&mut self, by: usize, plan: Plan) -> OwnCommit {
        let seq = self.ours[by].epoch();
        let own = self.ours[by].commit(plan, seq, [9; 24]).unwrap();
        let mut stay = Vec::new();
        for (index, mut group) in std::mem::take(&mut self.ours).into_iter().enumerate() {
            let merged = if index == by {
                group.merge_own().unwrap()
            } else {
                let Incoming::Valid(verified) = group.read_commit(&own.commit, seq, &own.drop) else {
                    panic!("void among ours")
                };
                group.merge(*verified).unwrap()
            };
            if !merged.self_removed {
                stay.push(group);
            }
        }
        self.ours = stay;
        own
    }

    /// One of ours comes in.
    fn let_in(&mut self, by: usize, n: u8) -> OwnCommit {
        let (ring, mut newcomer) = (keyring(LINK), identity(n));
        let package = ring.key_package(&mut newcomer, call()).unwrap();
        let (package, _) = self.ours[by].keyring().read_key_package(&package).unwrap();
        let own = self.commit(by, plan(vec![package], Vec::new()));
        let joined = ring.join(newcomer, call(), own.welcome.as_ref().unwrap());
        self.ours.push(joined.map_err(|back| back.2).unwrap());
        own
    }

    /// The host removes a member by order.
    fn removal(&self, n: u8) -> Plan {
        let host = &self.ours[0];
        let id = MemberId::from_bytes([n; 16]);
        let leaf = host.leaves().into_iter().find(|l| l.data.member_id == id).unwrap();
        let order = host.order(Decision::Remove { leaf: leaf.name() });
        Plan {
            orders: vec![order],
            ..plan(Vec::new(), vec![leaf.index])
        }
    }

    /// The other reads a commit and is where all of ours are.
    fn follow(&mut self, own: &OwnCommit) {
        assert_eq!(self.other.ask("commit", &[&own.commit]), "active");
        self.agree();
    }

    /// Everybody has the same epoch, rules and secrets, and they are not those of an epoch before.
    fn agree(&mut self) {
        let other = &mut self.other;
        for ours in &self.ours {
            assert_eq!(other.ask("epoch", &[]), ours.epoch().to_string());
            assert_eq!(other.ask("rules", &[]), hex(&ours.data().unwrap().to_bytes()));
            let authenticator = ours.mls().epoch_authenticator().as_slice();
            assert_eq!(other.ask("authenticator", &[]), hex(authenticator));
            for (label, length) in LABELS {
                let theirs = other.export(label, &[], length);
                assert_eq!(theirs, ours.exported(label, &[], length), "{label}");
            }
            assert_eq!(
                other.export("SFrame 1.0 Base Key", &[], 16),
                hex(&*ours.media_key().unwrap())
            );
        }
        let gate = other.export("conclave v1 gate", &[], 32);
        assert!(self.seen.insert(gate), "an epoch with the secrets of another");
    }
}

impl Group {
    fn exported(&self, label: &str, context: &[u8], length: u16) -> String {
        let crypto = self.keyring.provider.crypto();
        hex(&self.mls.export_secret(crypto, label, context, length.into()).unwrap())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

#[test]
fn another_implementation_joins_by_our_welcome_and_follows_our_commits() {
    let mut mixed = Mixed::new();
    for by in [0, 1] {
        let rotation = mixed.commit(by, Plan::default());
        mixed.follow(&rotation);
    }
    for n in [4, 5, 6] {
        let added = mixed.let_in(1, n);
        mixed.follow(&added);
    }
    let by_newest = mixed.commit(4, Plan::default());
    mixed.follow(&by_newest);

    let removal = mixed.removal(5);
    let removed = mixed.commit(1, removal);
    assert_eq!(mixed.ours.len(), 4);
    mixed.follow(&removed);
    // Into the place of the removed one.
    let added = mixed.let_in(0, 7);
    mixed.follow(&added);

    let host = &mixed.ours[0];
    let rules = host.change_rules(&host.data().unwrap(), |rules| {
        rules.bar(MemberId::from_bytes([5; 16]));
    });
    let changed = mixed.commit(
        1,
        Plan {
            rules: Some(rules),
            ..Plan::default()
        },
    );
    mixed.follow(&changed);
    assert_eq!(mixed.ours[2].data().unwrap().rules.bars.len(), 1);
    assert_eq!(mixed.seen.len(), 10);
}

#[test]
fn words_pass_between_the_implementations() {
    let mut mixed = Mixed::new();
    let sealed = unhex(&mixed.other.ask("seal", &[b"from the other"]));
    for ours in &mut mixed.ours {
        let Heard::Message { from, body } = ours.open(&sealed).unwrap() else {
            panic!("early")
        };
        assert!(from == MemberId::from_bytes([OTHER; 16]));
        assert_eq!(body.as_slice(), b"from the other");
    }
    let sealed = mixed.ours[1].seal(b"from ours").unwrap();
    assert_eq!(mixed.other.ask("open", &[&sealed]), hex(b"from ours"));
}

/// What makes the comparisons above mean something: they fail where they must.
#[test]
fn another_implementation_differs_where_it_must() {
    let mut mixed = Mixed::new();
    let ours = mixed.ours[0].exported("conclave v1 gate", b"context", 32);
    assert_eq!(mixed.other.export("conclave v1 gate", b"context", 32), ours);
    assert_ne!(mixed.other.export("conclave v1 gate", b"contexu", 32), ours);

    let rotation = mixed.commit(0, Plan::default());
    let before = mixed.ours[0].exported("conclave v1 gate", &[], 32);
    assert_ne!(
        mixed.other.export("conclave v1 gate", &[], 32),
        before,
        "an epoch behind"
    );
    let mut spoilt = rotation.commit.clone();
    *spoilt.last_mut().unwrap() ^= 1;
    assert!(mixed.other.try_ask("commit", &[&spoilt]).is_err());
    mixed.follow(&rotation);

    let removal = mixed.removal(OTHER);
    let removed = mixed.commit(0, removal);
    assert_eq!(mixed.other.ask("commit", &[&removed.commit]), "removedFromGroup");
    let after = mixed.ours[0].exported("conclave v1 gate", &[], 32);
    assert_ne!(mixed.other.export("conclave v1 gate", &[], 32), after);
}

#[test]
fn another_implementation_does_not_join_without_the_links_secret() {
    let mut host = keyring(LINK).found(identity(1), call()).unwrap();
    let mut other = Other::start();
    let package = other.knock();
    let (package, _) = host.keyring().read_key_package(&package).unwrap();
    let own = host.commit(plan(vec![package], Vec::new()), 0, [9; 24]).unwrap();
    let welcome = own.welcome.unwrap();
    assert!(other.join(LINK + 1, &welcome).is_err());
    other.join(LINK, &welcome).unwrap();
}
