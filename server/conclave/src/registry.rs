//! The registry: does to the store what organisers and owners have shown that they may. One task, one request after the other.
//!
//! Signatures were judged before (`conclave-rooms`); here stand the ticket, the day and the record that is stored now. SECURITY: C-MANAGE-4: whatever is
//! wrong with a ticket, and a room that is there already, are one answer. Deliberately absent: any line about who made or changed which room.

use conclave_protocol::{
    manage::{ManagedRoom, NotReplaced, RoomChange, may_replace},
    message::RefusalCode,
};
use conclave_rooms::{ConnId, RegistryAnswer, RegistryRequest};
use tokio::sync::mpsc;

use crate::{
    calendar::today,
    control::ControlInput,
    ending::Ending,
    error::Error,
    store::{Store, StoredRoom},
};

/// A request and who waits for its answer.
pub(crate) type Asked = (ConnId, RegistryRequest);

/// What the task is made of.
pub(crate) struct Registry {
    pub(crate) store: Store,
    pub(crate) control: mpsc::Sender<ControlInput>,
    pub(crate) inputs: mpsc::Receiver<Asked>,
    /// Days that an owner may let a room last, from today.
    pub(crate) room_days: u16,
}

impl Registry {
    /// Runs until `ending`.
    pub(crate) async fn run(mut self, mut ending: Ending) -> Result<(), Error> {
        loop {
            let asked = tokio::select! {
                () = ending.reached() => return Ok(()),
                asked = self.inputs.recv() => asked,
            };
            let Some((conn, request)) = asked else {
                // The control task has ended, which ends everything.
                ending.reached().await;
                return Ok(());
            };
            let answer = match self.perform(request).await {
                Ok(answer) => answer,
                Err(error) => {
                    // A full disk must not end calls.
                    tracing::warn!(%error, "a room could not be written");
                    Err(RefusalCode::ServerFull)
                }
            };
            self.tell(ControlInput::RegistryAnswer { conn, answer }).await;
        }
    }

    async fn perform(&self, request: RegistryRequest) -> Result<RegistryAnswer, Error> {
        let today = today();
        let latest_day = today.saturating_add(self.room_days);
        match request {
            RegistryRequest::Register(registration) => {
                let (ticket, record) = registration.into_parts();
                // Days of a new room are today's; a day's difference is two clocks around midnight.
                if record.day_made.abs_diff(today) > 1 || record.day_expires < today {
                    return Ok(Err(RefusalCode::NotAllowed));
                }
                if record.day_expires > latest_day {
                    return Ok(Err(RefusalCode::TooLarge));
                }
                let Some(room) = self.store.redeem(ticket, record, today).await? else {
                    return Ok(Err(RefusalCode::NotAllowed));
                };
                Ok(Ok(Some(self.in_force(room, latest_day).await)))
            }
            RegistryRequest::Change(proof) => {
                let (id, change) = proof.into_parts();
                match change {
                    RoomChange::Read {} => {
                        let room = self.store.open_room(id).await?;
                        Ok(room
                            .map(|room| Some(managed(room, latest_day)))
                            .ok_or(RefusalCode::NotAllowed))
                    }
                    RoomChange::Replace { base, record } => {
                        if record.room_id != id || record.day_expires < today {
                            return Ok(Err(RefusalCode::NotAllowed));
                        }
                        let new = record.clone();
                        let judge = move |room: &StoredRoom| may_replace(&room.record, &new, &base, latest_day);
                        Ok(match self.store.replace(record, judge).await? {
                            None => Err(RefusalCode::NotAllowed),
                            Some(Err(why)) => Err(refusal(why)),
                            Some(Ok(room)) => Ok(Some(self.in_force(room, latest_day).await)),
                        })
                    }
                    RoomChange::Delete {} => {
                        if !self.store.delete_by_owner(id).await? {
                            return Ok(Err(RefusalCode::NotAllowed));
                        }
                        self.tell(ControlInput::RoomDeleted(id)).await;
                        Ok(Ok(None))
                    }
                }
            }
        }
    }

    /// Puts a stored room into force, before whoever asked is told: then it counts when they come.
    async fn in_force(&self, room: StoredRoom, latest_day: u16) -> ManagedRoom {
        self.tell(ControlInput::RoomAdded {
            record: room.record.clone(),
            allowed: room.limits(),
        })
        .await;
        managed(room, latest_day)
    }

    /// The control task outlives this one but for the last moment of the process; the disk is right in any case.
    async fn tell(&self, input: ControlInput) {
        let _ = self.control.send(input).await;
    }
}

fn managed(room: StoredRoom, latest_day: u16) -> ManagedRoom {
    ManagedRoom {
        limits: room.limits(),
        last_day: room.day_expires(),
        latest_day,
        record: room.record,
    }
}

fn refusal(why: NotReplaced) -> RefusalCode {
    match why {
        NotReplaced::Stale => RefusalCode::StaleSequence,
        NotReplaced::OtherRoom => RefusalCode::NotAllowed,
        NotReplaced::TooLong => RefusalCode::TooLarge,
    }
}
