//! `conclave ticket …`: one-use links with which an organiser opens a room. The secret is made here; the running daemon is told its hash.

use conclave_protocol::{
    keys::TicketSecret,
    link::{LinkFlags, TicketLink},
    manage::TicketHash,
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    args::{Output, TicketCommand},
    room::out_of_turn,
    voice,
};
use crate::{
    admin::{Reply, Request, TicketLine, client::ask_at, hash_text},
    calendar::{date, day, today},
    config::{origin, parse_name},
    error::Error,
};

/// Days for which a ticket counts unless the operator says otherwise: somebody on a journey still finds it good; a forgotten one in a mailbox is
/// worth nothing next season.
const DAYS: u16 = 30;

pub(super) fn run(command: TicketCommand) -> Result<(), Error> {
    match command {
        TicketCommand::Create { expires, output } => create(expires.as_deref(), &output),
        TicketCommand::List { output } => list(&output),
        TicketCommand::Revoke { number, data } => {
            match ask_at(&data.socket()?, &Request::TicketRevoke { number })? {
                Reply::TicketRevoked {} => voice::note(&format!("ticket {number} revoked")),
                _ => return Err(out_of_turn()),
            }
            Ok(())
        }
    }
}

/// A new ticket as JSON.
#[derive(Serialize)]
struct Created<'a> {
    number: i64,
    ticket_link: &'a str,
    expires: String,
}

/// Makes a ticket and prints its link; also what `conclave room create` does.
pub(super) fn create(expires: Option<&str>, output: &Output) -> Result<(), Error> {
    let day_expires = match expires {
        None => today().saturating_add(DAYS),
        Some(text) => day(text).filter(|day| *day >= today()).ok_or(Error::Usage(
            "that is not a day to come",
            "a day is written like 2027-01-31",
        ))?,
    };
    let socket = output.data.socket()?;
    let Reply::Server { name } = ask_at(&socket, &Request::Server {})? else {
        return Err(out_of_turn());
    };
    let server = parse_name(&name)?;
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(|_| Error::Randomness)?;
    let ticket = TicketLink {
        flags: LinkFlags::default(),
        ticket_secret: TicketSecret::from_bytes(*secret),
        server,
    };
    let request = Request::TicketCreate {
        hash: hash_text(&TicketHash::of(&ticket.ticket_secret)),
        day_expires,
    };
    let Reply::TicketCreated { number } = ask_at(&socket, &request)? else {
        return Err(out_of_turn());
    };
    let link = ticket.to_url(&origin(&ticket.server));
    voice::note("this link is shown once; whoever opens it first makes one room, whose keys are made in their browser");
    if output.json {
        return voice::json(&Created {
            number,
            ticket_link: &link,
            expires: date(day_expires),
        });
    }
    voice::result(&format!("ticket {number}, until {}\n", date(day_expires)));
    voice::result("ticket link, for the one person who shall open a room:");
    voice::result(&link);
    voice::result("");
    Ok(())
}

/// A ticket in the list as JSON.
#[derive(Serialize)]
struct Listed {
    number: i64,
    expires: String,
}

fn list(output: &Output) -> Result<(), Error> {
    let Reply::Tickets { tickets } = ask_at(&output.data.socket()?, &Request::TicketList {})? else {
        return Err(out_of_turn());
    };
    let listed = |ticket: &TicketLine| Listed {
        number: ticket.number,
        expires: date(ticket.day_expires),
    };
    let tickets: Vec<Listed> = tickets.iter().map(listed).collect();
    if output.json {
        return voice::json(&tickets);
    }
    if tickets.is_empty() {
        voice::note("there are no tickets");
        voice::hint("'conclave ticket create' makes one");
        return Ok(());
    }
    voice::result("number  expires");
    for ticket in tickets {
        voice::result(&format!("{:>6}  {}", ticket.number, ticket.expires));
    }
    Ok(())
}
