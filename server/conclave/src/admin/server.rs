//! The daemon's side of the admin socket.

use std::{fs, io, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc};

use conclave_protocol::server_name::ServerName;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc, oneshot},
    time,
};

use super::{InForce, Refusal, Reply, Request, RoomLine, TicketLine, hash_from_text, record_from_text, record_text};
use crate::{
    control::ControlInput,
    ending::Ending,
    error::Error,
    limits,
    metrics::{Observer, Snapshot},
    store::{Inserted, OperatorLimits, Store, StoredRoom, StoredTicket},
};

/// What requests need.
pub(crate) struct Admin {
    pub(crate) name: ServerName,
    pub(crate) store: Store,
    pub(crate) control: mpsc::Sender<ControlInput>,
    pub(crate) observer: Observer,
}

/// The socket's file, removed when the daemon ends.
pub(crate) struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Makes the socket. The caller holds the data folder, so a file that lies here is left over from a daemon that was
    /// killed.
    pub(crate) fn bind(path: PathBuf) -> io::Result<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        // SECURITY: until this line the mode is the process's mask's; the folder around it (0700) closes the gap.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// SECURITY: besides the file's mode, which an operator may loosen by mistake: the daemon's own user, and root, who can
/// become it anyway.
fn may_operate(peer: u32) -> bool {
    peer == 0 || peer == rustix::process::geteuid().as_raw()
}

/// Serves the operator until `ending`.
pub(crate) async fn run(socket: AdminSocket, admin: Arc<Admin>, mut ending: Ending) -> Result<(), Error> {
    let places = Arc::new(Semaphore::new(limits::MAX_ADMIN_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = ending.reached() => return Ok(()),
            accepted = socket.listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let admin = Arc::clone(&admin);
        tokio::spawn(async move {
            let _ = time::timeout(limits::ADMIN_DEADLINE, answer(stream, &admin)).await;
            drop(place);
        });
    }
}

async fn answer(mut stream: UnixStream, admin: &Admin) -> io::Result<()> {
    let reply = if may_operate(stream.peer_cred()?.uid()) {
        let mut line = Vec::new();
        let limit = u64::try_from(limits::MAX_ADMIN_LINE).unwrap_or(u64::MAX);
        BufReader::new((&mut stream).take(limit))
            .read_until(b'\n', &mut line)
            .await?;
        if line.starts_with(b"GET /metrics HTTP/1.") {
            return scrape(stream, admin).await;
        }
        match serde_json::from_slice(&line) {
            Ok(request) => admin.perform(request).await,
            Err(_) => Err(Refusal::BadRequest),
        }
    } else {
        Err(Refusal::NotOperator)
    };
    let mut text = serde_json::to_vec(&reply.unwrap_or_else(|reason| Reply::Refused { reason }))?;
    text.push(b'\n');
    stream.write_all(&text).await?;
    stream.shutdown().await
}

/// The least of HTTP that collectors need.
async fn scrape(mut stream: UnixStream, admin: &Admin) -> io::Result<()> {
    let (status, body) = match admin.snapshot().await {
        Ok(snapshot) => ("200 OK", snapshot.open_metrics()),
        Err(_) => ("503 Service Unavailable", String::new()),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

impl Admin {
    async fn snapshot(&self) -> Result<Snapshot, Refusal> {
        let rooms = self.store.count().await.map_err(|_| Refusal::Database)?;
        let (answer, totals) = oneshot::channel();
        self.tell(ControlInput::Totals(answer)).await;
        let totals = totals.await.map_err(|_| Refusal::Ending)?;
        Ok(self.observer.snapshot(totals.connections, rooms))
    }

    async fn perform(&self, request: Request) -> Result<Reply, Refusal> {
        match request {
            Request::Server {} => Ok(Reply::Server {
                name: self.name.as_str().to_owned(),
            }),
            Request::Status {} => Ok(Reply::Status(self.snapshot().await?)),
            Request::Metrics {} => Ok(Reply::Metrics {
                text: self.snapshot().await?.open_metrics(),
            }),
            Request::RoomCreate { record } => self.create(&record).await,
            Request::RoomList {} => {
                let rooms = self.store.rooms().await.map_err(|_| Refusal::Database)?;
                let line = |room: &crate::store::StoredRoom| RoomLine {
                    number: room.number,
                    day_made: room.record.day_made,
                    day_expires: room.day_expires(),
                    closed: room.closed,
                };
                Ok(Reply::Rooms {
                    rooms: rooms.iter().map(line).collect(),
                })
            }
            Request::RoomShow { number } => {
                let room = self.store.room(number).await;
                Ok(shown(&found(room)?))
            }
            Request::RoomLimits {
                number,
                members,
                seats,
                calls,
            } => {
                if members == Some(0) || seats == Some(0) || calls == Some(0) {
                    return Err(Refusal::BadRequest);
                }
                let change = move |operator: &mut OperatorLimits| {
                    operator.members = members.or(operator.members);
                    operator.seats = seats.or(operator.seats);
                    operator.calls = calls.or(operator.calls);
                };
                self.changed(self.store.restrict(number, change).await).await
            }
            Request::RoomExpire { number, day } => {
                let room = found(self.store.room(number).await)?;
                // SECURITY: beyond its owner's day a room's credentials are void, so a later one would promise nothing.
                if day.is_some_and(|day| day > room.record.day_expires) {
                    return Err(Refusal::LaterThanOwner);
                }
                let change = move |operator: &mut OperatorLimits| operator.day_expires = day;
                self.changed(self.store.restrict(number, change).await).await
            }
            Request::RoomClose { number } => self.changed(self.store.set_closed(number, true).await).await,
            Request::RoomOpen { number } => self.changed(self.store.set_closed(number, false).await).await,
            Request::TicketCreate { hash, day_expires } => {
                let hash = hash_from_text(&hash).ok_or(Refusal::BadRequest)?;
                let number = self.store.insert_ticket(hash, day_expires).await;
                let number = number.map_err(|_| Refusal::Database)?.ok_or(Refusal::BadRequest)?;
                Ok(Reply::TicketCreated { number })
            }
            Request::TicketList {} => {
                let tickets = self.store.tickets().await.map_err(|_| Refusal::Database)?;
                let line = |ticket: &StoredTicket| TicketLine {
                    number: ticket.number,
                    day_expires: ticket.day_expires,
                };
                Ok(Reply::Tickets {
                    tickets: tickets.iter().map(line).collect(),
                })
            }
            Request::TicketRevoke { number } => match self.store.revoke_ticket(number).await {
                Ok(true) => Ok(Reply::TicketRevoked {}),
                Ok(false) => Err(Refusal::NoSuchTicket),
                Err(_) => Err(Refusal::Database),
            },
            Request::RoomDelete { number } => {
                let id = self
                    .store
                    .delete(number)
                    .await
                    .map_err(|_| Refusal::Database)?
                    .ok_or(Refusal::NoSuchRoom)?;
                self.tell(ControlInput::RoomDeleted(id)).await;
                Ok(Reply::RoomDeleted {})
            }
        }
    }

    /// Puts into force what was written. A closed room is gone from memory, so that its answer is that of a room which
    /// does not exist.
    async fn changed(&self, room: Result<Option<StoredRoom>, Error>) -> Result<Reply, Refusal> {
        let room = found(room)?;
        self.tell(if room.closed {
            ControlInput::RoomDeleted(room.record.room_id)
        } else {
            ControlInput::RoomAdded {
                record: room.record.clone(),
                allowed: room.limits(),
            }
        })
        .await;
        Ok(shown(&room))
    }

    async fn create(&self, record: &str) -> Result<Reply, Refusal> {
        let record = record_from_text(record).ok_or(Refusal::BadRecord)?;
        match self.store.insert(record.clone()).await.map_err(|_| Refusal::Database)? {
            Inserted::Exists => Err(Refusal::RoomExists),
            Inserted::As(number) => {
                let allowed = record.limits;
                self.tell(ControlInput::RoomAdded { record, allowed }).await;
                Ok(Reply::RoomCreated { number })
            }
        }
    }

    /// The control task outlives this one but for the last moment of the process; the disk is right in any case.
    async fn tell(&self, input: ControlInput) {
        let _ = self.control.send(input).await;
    }
}

fn found(room: Result<Option<StoredRoom>, Error>) -> Result<StoredRoom, Refusal> {
    room.map_err(|_| Refusal::Database)?.ok_or(Refusal::NoSuchRoom)
}

fn shown(room: &StoredRoom) -> Reply {
    let limits = room.limits();
    Reply::Room {
        number: room.number,
        record: record_text(&room.record),
        in_force: InForce {
            members: limits.members,
            seats: limits.seats,
            calls: limits.calls,
            day_expires: room.day_expires(),
            closed: room.closed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_user_and_root_may_operate_and_nobody_else() {
        let own = rustix::process::geteuid().as_raw();
        assert!(may_operate(0));
        assert!(may_operate(own));
        assert!(!may_operate(own + 1));
        assert!(!may_operate(65_534));
    }
}
