//! `conclave room …`: asks the running daemon over its admin socket; makes the keys of new rooms in this process.

use conclave_protocol::{
    error::Error as ProtocolError,
    room::{Limits, NEW_ROOM_ENTROPY, NewRoom, RoomPlan, RoomRecord, make_room},
    server_name::ServerName,
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    args::{Output, RoomCommand},
    identifiers::for_operator,
    voice,
};
use crate::{
    admin::{Reply, Request, RoomLine, client::ask_at, record_from_text, record_text},
    calendar::{date, today},
    config::{origin, parse_name},
    error::Error,
};

pub(super) fn run(command: RoomCommand) -> Result<(), Error> {
    match command {
        RoomCommand::Create {
            title,
            days,
            print_links,
            output,
        } => create(title, days, print_links, &output),
        RoomCommand::List { output } => list(&output),
        RoomCommand::Show { number, output } => show(number, &output),
        RoomCommand::Delete { number, data } => {
            match ask_at(&data.socket()?, &Request::RoomDelete { number })? {
                Reply::RoomDeleted {} => voice::note(&format!("room {number} deleted")),
                _ => return Err(out_of_turn()),
            }
            Ok(())
        }
    }
}

/// The daemon answered something else than was asked: it is of another version.
fn out_of_turn() -> Error {
    Error::Refused(crate::admin::Refusal::BadRequest)
}

/// A new room as JSON.
#[derive(Serialize)]
struct Created<'a> {
    number: i64,
    guest_link: &'a str,
    host_credential: &'a str,
    deed: &'a str,
    expires: String,
}

fn create(title: String, days: u16, print_links: bool, output: &Output) -> Result<(), Error> {
    if !print_links {
        return Err(Error::Usage(
            "a room without printed links needs a ticket link, and this version makes none",
            "add --print-links: the keys are then made by this command, and the call says so",
        ));
    }
    let socket = output.data.socket()?;
    let Reply::Server { name } = ask_at(&socket, &Request::Server {})? else {
        return Err(out_of_turn());
    };
    let server = parse_name(&name)?;
    let room = new_room(server.clone(), title, days)?;
    let request = Request::RoomCreate {
        record: record_text(&room.record),
    };
    let Reply::RoomCreated { number } = ask_at(&socket, &request)? else {
        return Err(out_of_turn());
    };

    let guest_link = room.guest_link.to_url(&origin(&server));
    let host_credential = room.host_credential.to_text();
    let deed = room.deed.to_text();
    let expires = date(room.record.day_expires);
    voice::note("these keys are shown once and kept nowhere; whoever can read this screen can read them");
    if output.json {
        return voice::json(&Created {
            number,
            guest_link: &guest_link,
            host_credential: &host_credential,
            deed: &deed,
            expires,
        });
    }
    voice::result(&format!("room {number}, until {expires}\n"));
    for (what, text) in [
        ("guest link, for everyone who is invited:", &guest_link),
        (
            "host credential, the owner's working key, pasted or kept as a file, never a link:",
            &host_credential,
        ),
        ("deed, to be kept offline, restores a lost host credential:", &deed),
    ] {
        voice::result(what);
        voice::result(text);
        voice::result("");
    }
    Ok(())
}

/// Makes the keys. They live in this process only, and are wiped when it is done.
fn new_room(server: ServerName, title: String, days: u16) -> Result<NewRoom, Error> {
    let mut entropy = Zeroizing::new([0; NEW_ROOM_ENTROPY]);
    getrandom::fill(entropy.as_mut_slice()).map_err(|_| Error::Randomness)?;
    let day_made = today();
    let plan = RoomPlan {
        server,
        title,
        day_made,
        day_expires: day_made.saturating_add(days),
        limits: Limits::default(),
        operator_keys: true,
    };
    make_room(&entropy, &plan).map_err(|error| match error {
        ProtocolError::Title => Error::RoomUnusable("the title is too long or holds control characters"),
        _ => Error::RoomUnusable("no room can be made from this"),
    })
}

/// A room in the list as JSON.
#[derive(Serialize)]
struct Listed {
    number: i64,
    made: String,
    expires: String,
}

fn list(output: &Output) -> Result<(), Error> {
    let Reply::Rooms { rooms } = ask_at(&output.data.socket()?, &Request::RoomList {})? else {
        return Err(out_of_turn());
    };
    let listed = |room: &RoomLine| Listed {
        number: room.number,
        made: date(room.day_made),
        expires: date(room.day_expires),
    };
    let rooms: Vec<Listed> = rooms.iter().map(listed).collect();
    if output.json {
        return voice::json(&rooms);
    }
    if rooms.is_empty() {
        voice::note("there are no rooms");
        voice::hint("'conclave room create --print-links' makes one");
        return Ok(());
    }
    voice::result("number  made        expires");
    for room in rooms {
        voice::result(&format!("{:>6}  {}  {}", room.number, room.made, room.expires));
    }
    Ok(())
}

/// All that the server keeps of a room, as JSON; the sheet is sealed, so only its size is said.
#[derive(Serialize)]
struct Shown {
    number: i64,
    room_id: String,
    admission_key: String,
    manage_key: String,
    made: String,
    expires: String,
    max_members: u16,
    max_seats: u8,
    max_calls: u8,
    sealed_sheet_bytes: usize,
}

impl Shown {
    fn new(number: i64, record: &RoomRecord) -> Self {
        Self {
            number,
            room_id: for_operator(record.room_id.as_bytes()),
            admission_key: for_operator(record.admission_pk.as_bytes()),
            manage_key: for_operator(record.manage_pk.as_bytes()),
            made: date(record.day_made),
            expires: date(record.day_expires),
            max_members: record.limits.members,
            max_seats: record.limits.seats,
            max_calls: record.limits.calls,
            sealed_sheet_bytes: record.sheet.len(),
        }
    }
}

fn show(number: i64, output: &Output) -> Result<(), Error> {
    let Reply::Room { number, record } = ask_at(&output.data.socket()?, &Request::RoomShow { number })? else {
        return Err(out_of_turn());
    };
    let record = record_from_text(&record).ok_or_else(out_of_turn)?;
    let shown = Shown::new(number, &record);
    if output.json {
        return voice::json(&shown);
    }
    for (what, value) in [
        ("number", shown.number.to_string()),
        ("room id", shown.room_id),
        ("admission key", shown.admission_key),
        ("manage key", shown.manage_key),
        ("made", shown.made),
        ("expires", shown.expires),
        ("members, most", shown.max_members.to_string()),
        ("seats, most", shown.max_seats.to_string()),
        ("calls, most", shown.max_calls.to_string()),
        ("sealed sheet", format!("{} bytes", shown.sealed_sheet_bytes)),
    ] {
        voice::result(&format!("{what:<14} {value}"));
    }
    Ok(())
}
