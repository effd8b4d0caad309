//! Running the binary: a command and its words, or a server with its folder.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let unique = format!(
            "conclave-cli-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        Self(std::env::temp_dir().join(unique))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

pub(crate) fn conclave(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conclave"));
    command
        .args(arguments)
        .env_remove("XDG_DATA_HOME")
        // What the machine that tests has installed is not what is tested.
        .env("CONCLAVE_CONFIG", "/dev/null");
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    conclave(arguments).output().expect("the binary runs")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A server started as its operator would.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) origin: String,
    pub(crate) folder: Folder,
}

impl Serving {
    pub(crate) fn start() -> Self {
        Self::start_in(Folder::new())
    }

    pub(crate) fn start_in(folder: Folder) -> Self {
        Self::start_with(folder, &[])
    }

    pub(crate) fn start_with(folder: Folder, more: &[&str]) -> Self {
        let mut child = conclave(&["serve", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--data-dir"])
            .arg(&folder.0)
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("a line");
        let origin = line
            .trim()
            .strip_prefix("conclave: listening on ")
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned();
        child.stderr = Some(lines.into_inner());
        Self { child, origin, folder }
    }

    pub(crate) fn data_dir(&self) -> &str {
        self.folder.0.to_str().expect("a path in UTF-8")
    }

    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        run(&[arguments, &["--data-dir", self.data_dir()]].concat())
    }

    /// Ends it as an operator does; its exit code and last words.
    pub(crate) fn terminate(self) -> (Option<i32>, String) {
        let (code, words, _) = self.terminate_and_keep();
        (code, words)
    }

    /// Likewise, and its data.
    pub(crate) fn terminate_and_keep(mut self) -> (Option<i32>, String, Folder) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is running");
        let mut words = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            stderr.read_to_string(&mut words).expect("UTF-8");
        }
        let code = self.child.wait().expect("it ends").code();
        // The drop below finds a process that has ended and a folder that is somebody else's.
        let folder = std::mem::replace(&mut self.folder, Folder(PathBuf::new()));
        (code, words, folder)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
