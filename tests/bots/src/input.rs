//! Lines of standard input for the programs of this crate.

use std::io::BufRead as _;

use tokio::sync::mpsc;

/// Lines waiting to be taken; whoever types faster waits.
const LINES: usize = 64;

/// Reads standard input on a thread of its own.
///
/// A read cannot be interrupted, so a runtime that owned it could not end while the input is open; a bare thread ends
/// with the process.
#[must_use]
pub fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(LINES);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
