//! The operators' guides, read and run: each fenced block says what it is. `sh run` is run here against a running server, `sh checked`
//! is checked for its syntax only, because it needs what a test machine has not (systemd as the first process, a name, a router, Docker).

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// Something should be mended, says `conclave doctor`: on a machine that tests, something always should.
const WARNING: i32 = 8;

/// What a block may be besides commands.
const OTHER: [&str; 5] = ["ini", "toml", "text", "json", "nginx"];

struct Block {
    line: usize,
    mark: String,
    text: String,
}

/// All fenced blocks of a page.
fn blocks(file: &str, page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(mark), None) => {
                open = Some(Block {
                    line: number + 1,
                    mark: mark.trim().to_owned(),
                    text: String::new(),
                });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{file}: a block has no end");
    found
}

fn guides() -> Vec<(String, Vec<Block>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operators");
    let mut guides: Vec<_> = fs::read_dir(&folder)
        .expect("the guides")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .map(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.expect("a name");
            let found = blocks(&name, &fs::read_to_string(&path).expect("a page"));
            (name, found)
        })
        .collect();
    guides.sort_by(|(one, _), (other, _)| one.cmp(other));
    guides
}

/// A server as the guides' reader has it: found by its configuration file.
struct Installed {
    folder: PathBuf,
    child: Child,
}

impl Installed {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("conclave-guides-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("here")).expect("a folder");
        let settings = format!(
            "data_dir = \"{}\"\n[listen]\nhttps = \"127.0.0.1:0\"\nudp = \"127.0.0.1:0\"\n",
            folder.join("data").display()
        );
        fs::write(folder.join("conclave.toml"), settings).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_conclave"))
            .args(["serve", "--config"])
            .arg(folder.join("conclave.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let mut lines = BufReader::new(child.stderr.take().expect("captured"));
        lines.read_line(&mut line).expect("a line");
        child.stderr = Some(lines.into_inner());
        assert!(line.contains("listening"), "{line}");
        Self { folder, child }
    }

    fn shell(&self, arguments: &[&str], script: &str) -> Output {
        let own = Path::new(env!("CARGO_BIN_EXE_conclave")).parent().expect("a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new("sh")
            .args(arguments)
            .args(["-c", script])
            .current_dir(self.folder.join("here"))
            .env("PATH", format!("{}:{path}", own.display()))
            .env("CONCLAVE_CONFIG", self.folder.join("conclave.toml"))
            .stdin(Stdio::null())
            .output()
            .expect("a shell")
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn every_command_in_the_guides_is_run_or_at_least_read() {
    let server = Installed::start();
    let (mut ran, mut read) = (0, 0);
    for (file, blocks) in guides() {
        for block in blocks {
            let place = format!("{file}:{}", block.line);
            match block.mark.as_str() {
                "sh run" => {
                    let output = server.shell(&["-eu"], &block.text);
                    assert!(
                        matches!(output.status.code(), Some(0 | WARNING)),
                        "{place}: {}\n{}{}",
                        output.status,
                        block.text,
                        String::from_utf8_lossy(&output.stderr)
                    );
                    ran += 1;
                }
                "sh checked" => {
                    let output = server.shell(&["-n"], &block.text);
                    assert!(
                        output.status.success(),
                        "{place}: {}",
                        String::from_utf8_lossy(&output.stderr)
                    );
                    read += 1;
                }
                other => assert!(
                    OTHER.contains(&other),
                    "{place}: a block is '{other}'; commands are 'sh run' or 'sh checked'"
                ),
            }
        }
    }
    // A reader that finds no blocks would find no fault either.
    assert!(ran >= 7 && read >= 10, "{ran} run, {read} read");
}

#[test]
fn the_operators_find_a_page_for_each_thing_to_do() {
    let names: Vec<String> = guides().into_iter().map(|(name, _)| name).collect();
    for page in ["install", "configure", "upgrade", "back-up", "size", "troubleshoot"] {
        assert!(names.contains(&format!("{page}.md")), "{page}");
    }
}
