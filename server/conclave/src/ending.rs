//! The one signal that tells every task to end.

use tokio::sync::watch;

/// Sends it.
pub(crate) struct End(watch::Sender<bool>);

/// Waits for it; each task has its own.
#[derive(Clone)]
pub(crate) struct Ending(watch::Receiver<bool>);

/// Both halves.
pub(crate) fn channel() -> (End, Ending) {
    let (end, ending) = watch::channel(false);
    (End(end), Ending(ending))
}

impl End {
    /// From now on [`Ending::reached`] returns at once, everywhere.
    pub(crate) fn now(&self) {
        // Without receivers there is nobody left to end.
        let _ = self.0.send(true);
    }
}

impl Ending {
    /// Waits for the end, which has also come if the sender is gone. Cancel safe.
    pub(crate) async fn reached(&mut self) {
        let _ = self.0.wait_for(|ending| *ending).await;
    }
}
