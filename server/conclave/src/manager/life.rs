//! Signs of life to the service manager. SPEC: sd_notify(3).
//!
//! They say "ready", "stopping" and "alive", nothing about who is here. A sign that cannot be sent is lost: whoever waits for it acts.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::{
    sync::{mpsc, oneshot},
    time,
};

use crate::{control::ControlInput, ending::Ending, error::Error};

/// The server serves.
pub(crate) fn ready() {
    let _ = sd_notify::notify(&[NotifyState::Ready]);
}

/// The server ends, as it was told to.
pub(crate) fn stopping() {
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
}

/// Tells the manager that the server lives, as often as it wants to hear it, but only while the control task answers: a server
/// whose heart stands still is restarted although its process exists. The media loop is covered too, because the control task
/// waits for it.
pub(crate) async fn watchdog(control: mpsc::Sender<ControlInput>, mut ending: Ending) -> Result<(), Error> {
    let Some(patience) = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero()) else {
        ending.reached().await;
        return Ok(());
    };
    loop {
        let alive = async {
            // Twice in its patience, as the manual advises; never faster than the clock can tell.
            time::sleep((patience / 2).max(Duration::from_millis(10))).await;
            let (answer, answered) = oneshot::channel();
            let _ = control.send(ControlInput::Alive(answer)).await;
            answered.await.is_ok()
        };
        tokio::select! {
            () = ending.reached() => return Ok(()),
            alive = alive => if alive {
                let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            },
        }
    }
}
