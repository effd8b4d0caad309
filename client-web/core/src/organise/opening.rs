//! A ticket becomes a room: its keys are made here, in the organiser's browser.

use conclave_protocol::{
    keys::TicketSecret,
    link::TicketLink,
    manage::{RoomChange, sign_change, sign_registration},
    message::ClientMessage,
    moderator::{MODERATOR_ENTROPY, ModeratorKey},
    owner::Terms,
    room::{NEW_ROOM_ENTROPY, NewRoom, RoomPlan, make_room_for},
    server_name::ServerName,
};
use zeroize::Zeroizing;

use super::{OrganiseFault, answer, challenge};

/// A room that is about to be made. The secrets in it are wiped when it is dropped.
pub struct Opening {
    server: ServerName,
    ticket: TicketSecret,
    room: NewRoom,
    moderators: Vec<ModeratorKey>,
}

/// What the organiser gets, once the server has taken the room.
pub struct Opened {
    /// For everyone who is invited: a fragment, without the `#`.
    pub guest_link: Zeroizing<String>,
    /// The owner's working key, as text.
    pub credential: Zeroizing<String>,
    /// To be kept offline.
    pub deed: Zeroizing<String>,
    /// Moderators' keys, as texts.
    pub moderators: Vec<Zeroizing<String>>,
    /// The last day in force.
    pub last_day: u16,
}

impl Opening {
    /// Makes the keys and the sheet, and a moderator's key of each of `moderators`. `today` in days since 1970-01-01; `entropy` and `moderators` are random,
    /// and the caller wipes them.
    pub fn new(
        ticket: &str,
        server: &ServerName,
        terms: &Terms,
        today: u16,
        entropy: &[u8; NEW_ROOM_ENTROPY],
        moderators: &[[u8; MODERATOR_ENTROPY]],
    ) -> Result<Self, OrganiseFault> {
        let link = TicketLink::parse(ticket).map_err(|_| OrganiseFault::Ticket)?;
        if link.server != *server {
            return Err(OrganiseFault::Ticket);
        }
        let plan = RoomPlan {
            server: server.clone(),
            title: terms.title.clone(),
            day_made: today,
            day_expires: terms.day_expires,
            limits: terms.limits,
            operator_keys: false,
        };
        let room =
            make_room_for(entropy, &plan, terms.rules, terms.guests, terms.strict).map_err(OrganiseFault::of_terms)?;
        let moderators = moderators
            .iter()
            .map(|entropy| room.moderator(entropy))
            .collect::<Result<_, _>>();
        Ok(Self {
            server: server.clone(),
            ticket: link.ticket_secret.clone(),
            moderators: moderators.map_err(OrganiseFault::of_terms)?,
            room,
        })
    }

    /// The request, for the server's challenge.
    pub fn request(&self, frame: &[u8]) -> Result<Vec<u8>, OrganiseFault> {
        let nonce = challenge(frame)?;
        let manage = self.room.host_credential.manage_secret.manage(&self.server);
        let record = self.room.record.clone();
        let signature = sign_registration(&manage, &self.server, &nonce, &self.ticket, &record);
        let message = ClientMessage::Register {
            ticket: self.ticket.clone(),
            record,
            signature,
        };
        Ok(message.encode())
    }

    /// For a request whose answer was lost: asks, by the room's own key, whether it is there. `settle` takes the answer.
    pub fn inquiry(&self, frame: &[u8]) -> Result<Vec<u8>, OrganiseFault> {
        let nonce = challenge(frame)?;
        let manage = self.room.host_credential.manage_secret.manage(&self.server);
        let (room_id, change) = (self.room.record.room_id, RoomChange::Read {});
        let signature = sign_change(&manage, &self.server, &nonce, room_id, &change);
        let message = ClientMessage::Manage {
            room_id,
            change,
            signature,
        };
        Ok(message.encode())
    }

    /// What the server said. Only now are there links: what was not taken must not be passed on.
    pub fn settle(&self, frame: &[u8]) -> Result<Opened, OrganiseFault> {
        let room = answer(frame)?.ok_or(OrganiseFault::Incompatible)?;
        if room.record != self.room.record {
            return Err(OrganiseFault::Foreign);
        }
        Ok(Opened {
            guest_link: self.room.guest_link.to_fragment(),
            credential: self.room.host_credential.to_text(),
            deed: self.room.deed.to_text(),
            moderators: self.moderators.iter().map(ModeratorKey::to_text).collect(),
            last_day: room.last_day,
        })
    }
}
