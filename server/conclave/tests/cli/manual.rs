//! Completions, manual pages, and the page about commands.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{Folder, run, stderr, stdout};

/// Every command that can be given, as its words.
fn commands() -> Vec<Vec<String>> {
    fn below(words: &[String], into: &mut Vec<Vec<String>>) {
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = stdout(&run(&arguments));
        let listed = help
            .lines()
            .skip_while(|line| *line != "Commands:")
            .skip(1)
            .take_while(|line| line.starts_with("  "))
            .filter_map(|line| line.split_whitespace().next());
        let mut leaf = true;
        for name in listed {
            leaf = false;
            below(&[words, &[name.to_owned()]].concat(), into);
        }
        if leaf {
            into.push(words.to_vec());
        }
    }
    let mut all = Vec::new();
    below(&[], &mut all);
    all
}

#[test]
fn every_shell_gets_a_script_and_every_command_a_page() {
    for (shell, mark) in [
        ("bash", "complete -F _conclave"),
        ("zsh", "#compdef conclave"),
        ("fish", "complete -c conclave"),
    ] {
        let script = stdout(&run(&["completions", shell]));
        assert!(script.contains(mark) && script.contains("backup"), "{shell}");
    }
    let folder = Folder::new();
    fs::create_dir(&folder.0).expect("a folder");
    let made = run(&["man", folder.0.to_str().expect("a path")]);
    assert!(made.status.success(), "{}", stderr(&made));
    let commands = commands();
    assert!(commands.len() > 10, "{commands:?}");
    for words in commands {
        let page = folder.0.join(format!("conclave-{}.1", words.join("-")));
        let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(text.contains(".SH SYNOPSIS"), "{}", page.display());
    }
}

#[test]
fn no_command_names_counts_or_locates_people() {
    // By their words, because a command that did would have to say so. The golden file holds what they can print.
    let forbidden = [
        "people",
        "participant",
        "who",
        "user",
        "member",
        "address",
        "ip",
        "kick",
        "ban",
        "peer",
    ];
    for words in commands() {
        for word in &words {
            assert!(!forbidden.contains(&word.as_str()), "{words:?}");
        }
    }
}

#[test]
fn the_page_about_commands_names_all_of_them_and_the_exit_codes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operators/cli.md");
    let page = fs::read_to_string(path).expect("the page");
    for words in commands() {
        let command = format!("`conclave {}", words.join(" "));
        assert!(page.contains(&command), "the page does not name {command}`");
    }
    let listed: BTreeSet<u8> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()?.trim().parse().ok())
        .collect();
    use conclave::error::exit;
    let known = BTreeSet::from([
        0,
        exit::FAILED,
        exit::USAGE,
        exit::CONFIGURATION,
        exit::NOT_RUNNING,
        exit::NOT_ALLOWED,
        exit::NOT_FOUND,
        exit::IN_USE,
        exit::WARNING,
    ]);
    assert_eq!(listed, known, "exit codes in docs/operators/cli.md");
    // The numbers themselves, which scripts rely on.
    assert_eq!(known, (0..=8).collect());
}
