//! Running other programs: with a time limit, their output shown line by line and kept, and failures said once.
//!
//! A program that exceeds its limit is killed with everything it started, so that no step can hang a CI run.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

/// What went wrong, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    error: String,
    hint: Option<String>,
}

pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub fn new(error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            hint: None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// For a failure that has been said already: only the exit code is left to tell.
    pub fn said() -> Self {
        Self::new("")
    }

    pub fn print(&self) {
        if self.error.is_empty() {
            return;
        }
        eprintln!("x: error: {}", self.error);
        if let Some(hint) = &self.hint {
            eprintln!("x: hint: {hint}");
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.error)
    }
}

/// Turns an I/O error into a failure that names the path.
pub fn at<T>(path: &Path, result: std::io::Result<T>) -> Result<T> {
    result.map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

/// How much of a program's output the person sees.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// The program writes to the terminal itself (progress bars and colours); nothing is kept.
    Directly,
    /// Each line as it comes, with the step's name in front; kept.
    Lines,
    /// Only if the program fails; kept.
    OnFailure,
    /// Never; kept.
    Nothing,
}

/// A program about to be run.
pub struct Task {
    name: String,
    command: Command,
    limit: Duration,
    show: Show,
}

impl Task {
    /// `name` stands in front of its lines; the limit is 30 minutes unless told.
    pub fn new(name: &str, program: impl AsRef<OsStr>, dir: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir(dir).stdin(Stdio::null());
        // What `cargo run` set for this program is not meant for the programs it starts.
        for (key, _) in std::env::vars_os() {
            let key = key.to_string_lossy();
            if key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST") || key == "CARGO_BIN_NAME" {
                command.env_remove(key.as_ref());
            }
        }
        Self {
            name: name.to_owned(),
            command,
            limit: Duration::from_secs(30 * 60),
            show: Show::Lines,
        }
    }

    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    pub fn env_remove(mut self, key: &str) -> Self {
        self.command.env_remove(key);
        self
    }

    pub fn limit_minutes(mut self, minutes: u64) -> Self {
        self.limit = Duration::from_secs(minutes * 60);
        self
    }

    pub fn show(mut self, show: Show) -> Self {
        self.show = show;
        self
    }

    /// Runs it to its end; anything but success is a failure. Returns what it wrote.
    pub fn run(self) -> Result<String> {
        let name = self.name.clone();
        let (status, output) = self.run_whatever()?;
        if status.success() {
            Ok(output)
        } else {
            Err(Failure::new(format!("{name}: {status}")))
        }
    }

    /// Runs it to its end and leaves the judgement to the caller.
    pub fn run_whatever(mut self) -> Result<(ExitStatus, String)> {
        let own_group = !std::io::stdin().is_terminal();
        if own_group {
            // At a terminal ctrl-c must reach the program too, so it stays in our group there.
            self.command.process_group(0);
        }
        if self.show != Show::Directly {
            self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let program = self.command.get_program().to_string_lossy().into_owned();
        let mut child = self
            .command
            .spawn()
            .map_err(|error| Failure::new(format!("{program}: {error}")))?;
        let kept = Arc::new(Mutex::new(String::new()));
        let prefix = (self.show == Show::Lines).then(|| self.name.clone());
        let readers = [
            child
                .stdout
                .take()
                .map(|pipe| copy_lines(pipe, prefix.clone(), Arc::clone(&kept))),
            child
                .stderr
                .take()
                .map(|pipe| copy_lines(pipe, prefix, Arc::clone(&kept))),
        ];
        let status =
            wait(child, self.limit, own_group).map_err(|error| Failure::new(format!("{}: {error}", self.name)));
        for reader in readers.into_iter().flatten() {
            // A panicked reader lost output at worst; the exit status decides.
            let _ = reader.join();
        }
        let output = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
        let failed = !matches!(&status, Ok(status) if status.success());
        if failed && self.show == Show::OnFailure {
            for line in output.lines() {
                eprintln!("[{}] {line}", self.name);
            }
        }
        Ok((status?, output))
    }
}

fn copy_lines(
    pipe: impl Read + Send + 'static,
    prefix: Option<String>,
    kept: Arc<Mutex<String>>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while matches!(lines.read_until(b'\n', &mut bytes), Ok(1..)) {
            let line = String::from_utf8_lossy(&bytes);
            if let Some(name) = &prefix {
                println!("[{name}] {}", line.trim_end());
            }
            kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
            bytes.clear();
        }
    })
}

fn wait(mut child: Child, limit: Duration, own_group: bool) -> std::result::Result<ExitStatus, String> {
    let id = child.id();
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = ended.send(child.wait());
    });
    match end.recv_timeout(limit) {
        Ok(status) => status.map_err(|error| error.to_string()),
        Err(_) => {
            let whom = if own_group { format!("-{id}") } else { id.to_string() };
            let _ = Command::new("kill").args(["-KILL", "--", &whom]).status();
            Err(format!("ended after its limit of {} minutes", limit.as_secs() / 60))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_a_program_wrote() {
        let task = Task::new("echo", "sh", Path::new("/"))
            .args(["-c", "echo one; echo two >&2"])
            .show(Show::OnFailure);
        let output = task.run().expect("sh runs");
        assert!(output.contains("one") && output.contains("two"));
    }

    #[test]
    fn a_program_over_its_limit_is_ended_with_its_children() {
        let mut task = Task::new("sleeper", "sh", Path::new("/"))
            .args(["-c", "sleep 600 & sleep 600"])
            .show(Show::OnFailure);
        task.limit = Duration::from_millis(200);
        let failure = task.run().expect_err("must not succeed");
        assert!(failure.to_string().contains("limit"), "{failure}");
    }

    #[test]
    fn an_exit_code_is_a_failure() {
        assert!(
            Task::new("false", "sh", Path::new("/"))
                .args(["-c", "exit 3"])
                .show(Show::OnFailure)
                .run()
                .is_err()
        );
    }
}
