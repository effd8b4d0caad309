//! `conclave room …`: asks the running daemon over its admin socket; makes the keys of new rooms in this process.

use conclave_protocol::{
    error::Error as ProtocolError,
    moderator::MODERATOR_ENTROPY,
    room::{Limits, NEW_ROOM_ENTROPY, NewRoom, RoomPlan, RoomRecord, make_room_for},
    server_name::ServerName,
    sheet::{Found, Rules},
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    args::{Output, RoomCommand},
    identifiers::for_operator,
    ticket, voice,
};
use crate::{
    admin::{InForce, Reply, Request, RoomLine, client::ask_at, record_from_text, record_text},
    calendar::{date, day, today},
    config::{origin, parse_name},
    error::Error,
};

pub(super) fn run(command: RoomCommand) -> Result<(), Error> {
    match command {
        RoomCommand::Create {
            title,
            days,
            begin,
            no_lobby,
            strict,
            moderators,
            print_links,
            output,
        } => {
            if !print_links {
                return ticket::create(None, &output);
            }
            let wanted = Wanted {
                title,
                days,
                rules: begin.rules(no_lobby),
                strict,
                moderators,
            };
            create(wanted, &output)
        }
        RoomCommand::List { output } => list(&output),
        RoomCommand::Show { number, output } => show(number, &output),
        RoomCommand::Limits {
            number,
            members,
            seats,
            calls,
            output,
        } => {
            if members.is_none() && seats.is_none() && calls.is_none() {
                return Err(Error::Usage(
                    "there is nothing to change",
                    "name a limit: --members, --seats or --calls",
                ));
            }
            let request = Request::RoomLimits {
                number,
                members,
                seats,
                calls,
            };
            change(&request, &output)
        }
        RoomCommand::Expire {
            number,
            date,
            days,
            owner,
            output,
        } => {
            let day = last_day(date.as_deref(), days, owner)?;
            change(&Request::RoomExpire { number, day }, &output)
        }
        RoomCommand::Close { number, output } => change(&Request::RoomClose { number }, &output),
        RoomCommand::Open { number, output } => change(&Request::RoomOpen { number }, &output),
        RoomCommand::Delete { number, data } => {
            match ask_at(&data.socket()?, &Request::RoomDelete { number })? {
                Reply::RoomDeleted {} => voice::note(&format!("room {number} deleted")),
                _ => return Err(out_of_turn()),
            }
            Ok(())
        }
    }
}

/// Changes a room and shows what is in force now.
fn change(request: &Request, output: &Output) -> Result<(), Error> {
    present(ask_at(&output.data.socket()?, request)?, output)
}

/// The day that was asked for; `None`: the owner's.
fn last_day(date: Option<&str>, days: Option<u16>, owner: bool) -> Result<Option<u16>, Error> {
    match (date, days, owner) {
        (Some(text), _, _) => day(text)
            .map(Some)
            .ok_or(Error::Usage("that is not a date", "a date is written like 2027-01-31")),
        (None, Some(days), _) => Ok(Some(today().saturating_add(days))),
        (None, None, true) => Ok(None),
        (None, None, false) => Err(Error::Usage("there is no day", "name one: --date, --days or --owner")),
    }
}

/// The daemon answered something else than was asked: it is of another version.
pub(super) fn out_of_turn() -> Error {
    Error::Refused(crate::admin::Refusal::BadRequest)
}

/// A new room as JSON.
#[derive(Serialize)]
struct Created<'a> {
    number: i64,
    guest_link: &'a str,
    host_credential: &'a str,
    deed: &'a str,
    moderator_keys: Vec<&'a str>,
    expires: String,
}

/// What a new room shall be.
struct Wanted {
    title: String,
    days: u16,
    rules: Rules,
    strict: bool,
    moderators: u8,
}

fn create(wanted: Wanted, output: &Output) -> Result<(), Error> {
    let socket = output.data.socket()?;
    let Reply::Server { name } = ask_at(&socket, &Request::Server {})? else {
        return Err(out_of_turn());
    };
    let server = parse_name(&name)?;
    let (hosted, moderators) = (wanted.rules.found == Found::Host, wanted.moderators);
    let room = new_room(server.clone(), wanted)?;
    let moderator_keys = moderator_keys(&room, moderators)?;
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
    if hosted {
        voice::note("calls in this room begin when its host comes in, with the host credential");
    }
    if output.json {
        return voice::json(&Created {
            number,
            guest_link: &guest_link,
            host_credential: &host_credential,
            deed: &deed,
            moderator_keys: moderator_keys.iter().map(|key| key.as_str()).collect(),
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
    for (n, text) in (1..).zip(&moderator_keys) {
        voice::result(&format!(
            "moderator's key {n} of {moderators}, to moderate every call, never a link:"
        ));
        voice::result(text);
        voice::result("");
    }
    Ok(())
}

/// Moderators' keys of a new room, as text.
fn moderator_keys(room: &NewRoom, wanted: u8) -> Result<Vec<Zeroizing<String>>, Error> {
    let one = |_| {
        let mut entropy = Zeroizing::new([0; MODERATOR_ENTROPY]);
        getrandom::fill(entropy.as_mut_slice()).map_err(|_| Error::Randomness)?;
        let key = room.moderator(&entropy);
        key.map(|key| key.to_text())
            .map_err(|_| Error::RoomUnusable("no moderator's key can be made"))
    };
    (0..wanted).map(one).collect()
}

/// Makes the keys. They live in this process only, and are wiped when it is done.
fn new_room(server: ServerName, wanted: Wanted) -> Result<NewRoom, Error> {
    let mut entropy = Zeroizing::new([0; NEW_ROOM_ENTROPY]);
    getrandom::fill(entropy.as_mut_slice()).map_err(|_| Error::Randomness)?;
    let day_made = today();
    let plan = RoomPlan {
        server,
        title: wanted.title,
        day_made,
        day_expires: day_made.saturating_add(wanted.days),
        limits: Limits::default(),
        operator_keys: true,
    };
    make_room_for(&entropy, &plan, wanted.rules, None, wanted.strict).map_err(|error| match error {
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
    closed: bool,
}

fn list(output: &Output) -> Result<(), Error> {
    let Reply::Rooms { rooms } = ask_at(&output.data.socket()?, &Request::RoomList {})? else {
        return Err(out_of_turn());
    };
    let listed = |room: &RoomLine| Listed {
        number: room.number,
        made: date(room.day_made),
        expires: date(room.day_expires),
        closed: room.closed,
    };
    let rooms: Vec<Listed> = rooms.iter().map(listed).collect();
    if output.json {
        return voice::json(&rooms);
    }
    if rooms.is_empty() {
        voice::note("there are no rooms");
        voice::hint("'conclave room create' prints a ticket with which one is opened");
        return Ok(());
    }
    voice::result("number  made        expires");
    for room in rooms {
        let closed = if room.closed { "  closed" } else { "" };
        voice::result(&format!("{:>6}  {}  {}{closed}", room.number, room.made, room.expires));
    }
    Ok(())
}

/// All that the server keeps of a room, as JSON; the sheet is sealed, so only its size is said. What is in force comes first,
/// what the owner signed behind it.
#[derive(Serialize)]
struct Shown {
    number: i64,
    room_id: String,
    admission_key: String,
    manage_key: String,
    made: String,
    expires: String,
    owner_expires: String,
    closed: bool,
    max_members: u16,
    max_seats: u8,
    max_calls: u8,
    owner_max_members: u16,
    owner_max_seats: u8,
    owner_max_calls: u8,
    sealed_sheet_bytes: usize,
}

impl Shown {
    fn new(number: i64, record: &RoomRecord, in_force: &InForce) -> Self {
        Self {
            number,
            room_id: for_operator(record.room_id.as_bytes()),
            admission_key: for_operator(record.admission_pk.as_bytes()),
            manage_key: for_operator(record.manage_pk.as_bytes()),
            made: date(record.day_made),
            expires: date(in_force.day_expires),
            owner_expires: date(record.day_expires),
            closed: in_force.closed,
            max_members: in_force.members,
            max_seats: in_force.seats,
            max_calls: in_force.calls,
            owner_max_members: record.limits.members,
            owner_max_seats: record.limits.seats,
            owner_max_calls: record.limits.calls,
            sealed_sheet_bytes: record.sheet.len(),
        }
    }
}

fn show(number: i64, output: &Output) -> Result<(), Error> {
    present(ask_at(&output.data.socket()?, &Request::RoomShow { number })?, output)
}

/// A value in force, and the owner's if it is another.
fn value(in_force: impl ToString, owner: impl ToString) -> String {
    let (in_force, owner) = (in_force.to_string(), owner.to_string());
    if in_force == owner {
        in_force
    } else {
        format!("{in_force} (the owner allows {owner})")
    }
}

fn present(reply: Reply, output: &Output) -> Result<(), Error> {
    let Reply::Room {
        number,
        record,
        in_force,
    } = reply
    else {
        return Err(out_of_turn());
    };
    let record = record_from_text(&record).ok_or_else(out_of_turn)?;
    let shown = Shown::new(number, &record, &in_force);
    if output.json {
        return voice::json(&shown);
    }
    for (what, value) in [
        ("number", shown.number.to_string()),
        ("room id", shown.room_id),
        ("admission key", shown.admission_key),
        ("manage key", shown.manage_key),
        ("made", shown.made),
        ("expires", value(shown.expires, shown.owner_expires)),
        ("closed", if shown.closed { "yes" } else { "no" }.to_owned()),
        ("members, most", value(shown.max_members, shown.owner_max_members)),
        ("seats, most", value(shown.max_seats, shown.owner_max_seats)),
        ("calls, most", value(shown.max_calls, shown.owner_max_calls)),
        ("sealed sheet", format!("{} bytes", shown.sealed_sheet_bytes)),
    ] {
        voice::result(&format!("{what:<14} {value}"));
    }
    Ok(())
}
