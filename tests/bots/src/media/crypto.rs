//! A bot's sealing and opening, shared by the tasks that send and receive.

use std::sync::{Mutex, MutexGuard, PoisonError};

use conclave_core::EpochKeysOut;
use conclave_frame::{EpochKeys, Receiver, Sender};

#[derive(Default)]
pub(crate) struct Halves {
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    /// Epoch and base key of the newest keys.
    newest: Option<(u64, [u8; 16])>,
}

/// Both halves of frame encryption behind one lock; nothing is awaited under it.
#[derive(Default)]
pub(crate) struct Crypto(Mutex<Halves>);

impl Crypto {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Halves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes new keys; a group that is another one than before gets new halves.
    pub(crate) fn take(&self, now_ms: u64, keys: &EpochKeysOut) {
        let mut halves = self.lock();
        match halves.newest {
            // The same keys again: counters go on.
            Some((epoch, key)) if epoch == keys.epoch && key == *keys.base_key => return,
            // Epochs of one group only grow, so these are another group's.
            Some((epoch, _)) if keys.epoch <= epoch => *halves = Halves::default(),
            _ => {}
        }
        halves.newest = Some((keys.epoch, *keys.base_key));
        let leaves = keys
            .leaves
            .iter()
            .map(|(leaf, transport)| (*leaf, *transport.as_bytes()))
            .collect();
        let epoch = EpochKeys {
            epoch: keys.epoch,
            base_key: *keys.base_key,
            own_leaf: keys.own_leaf,
            leaves,
        };
        // Refused epochs leave the old keys in force; the test that waits for frames says so.
        let _ = halves
            .receiver
            .add_epoch(now_ms, &epoch, keys.drop_old_after_ms, &keys.removed);
        let _ = match keys.switch_after_ms {
            0 => halves.sender.set_epoch(&epoch),
            wait => halves
                .sender
                .set_epoch_at(&epoch, now_ms.saturating_add(u64::from(wait))),
        };
    }
}
