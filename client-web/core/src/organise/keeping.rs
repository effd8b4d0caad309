//! A room in its owner's hands, by the host credential; or by the deed, of which a lost credential is made anew.

use conclave_protocol::{
    Error, LinkError,
    credential::{Deed, HostCredential},
    keys::{RootKeys, Signer},
    link::{GuestLink, Link},
    manage::{RoomChange, record_hash, sign_change},
    message::ClientMessage,
    owner::{RESTORE_ENTROPY, ROTATE_ENTROPY, Terms, open_record, open_record_by_deed, reissue, restore, rotate},
    room::{Limits, RoomRecord, room_id},
    server_name::ServerName,
    sheet::Sheet,
};
use zeroize::Zeroizing;

use super::{OrganiseFault, answer, challenge};

/// What the owner wants.
pub enum Errand {
    /// To see the room.
    Read,
    /// Other terms; the room must have been read. The nonce is 24 random bytes.
    Change(Terms, [u8; 24]),
    /// Another link; the room must have been read. Random bytes.
    Rotate(Zeroizing<[u8; ROTATE_ENTROPY]>),
    /// With the deed: another credential in place of the lost one; the room must have been read. Random bytes.
    Restore(Zeroizing<[u8; RESTORE_ENTROPY]>),
    /// To have it forgotten.
    Delete,
}

/// The room as the server has it, believed because its owners signed it.
pub struct Known {
    /// What the owner chose.
    pub terms: Terms,
    /// The limits in force: the operator may have taken away.
    pub limits: Limits,
    /// The last day in force.
    pub last_day: u16,
    /// The latest day that may be chosen today.
    pub latest_day: u16,
    /// How often the link was changed.
    pub generation: u16,
    /// The key that was given is the deed: nothing but [`Errand::Restore`] and deleting can be done with it.
    pub by_deed: bool,
    /// After [`Errand::Rotate`] and [`Errand::Restore`]: the owner's key from now on. The old one opens or proves nothing any more.
    pub credential: Option<Zeroizing<String>>,
    /// The guest link that is good now: a fragment, without the `#`.
    pub guest_link: Zeroizing<String>,
}

/// An owner with their key. Wiped when dropped.
pub struct Keeping {
    server: ServerName,
    key: Key,
    record: Option<RoomRecord>,
    asked: Option<Asked>,
}

/// What the owner holds.
enum Key {
    Credential(Box<HostCredential>),
    Deed(Box<(Deed, GuestLink)>),
}

impl Key {
    fn parse(text: &str, link: Option<&str>) -> Option<Self> {
        match HostCredential::parse(text) {
            Ok(credential) => Some(Self::Credential(Box::new(credential))),
            Err(LinkError::NotALink) => {
                let guest = match Link::parse(link?).ok()? {
                    Link::Guest(guest) => guest,
                    Link::Invite(invite) => invite.guest,
                    Link::Ticket(_) => return None,
                };
                Some(Self::Deed(Box::new((Deed::parse(text).ok()?, guest))))
            }
            Err(_) => None,
        }
    }

    fn guest(&self) -> &GuestLink {
        match self {
            Self::Credential(credential) => &credential.guest,
            Self::Deed(deed) => &deed.1,
        }
    }

    fn manage(&self, server: &ServerName) -> Signer {
        match self {
            Self::Credential(credential) => credential.manage_secret.manage(server),
            Self::Deed(deed) => RootKeys::derive(&deed.0.0).manage_secret().manage(server),
        }
    }

    fn open(&self, server: &ServerName, record: &RoomRecord) -> Result<Sheet, Error> {
        match self {
            Self::Credential(credential) => open_record(credential, server, record),
            Self::Deed(deed) => open_record_by_deed(&deed.0, &deed.1, server, record),
        }
    }
}

/// What was asked for last.
enum Asked {
    Read,
    /// The record that should stand there now, and the credential that goes with it if the link was changed.
    Replace(Box<(RoomRecord, Option<HostCredential>)>),
    Delete,
}

impl Keeping {
    /// With the text of a host credential, at one of its servers; or with that of the deed, which needs the room's present guest link beside it.
    pub fn new(text: &str, link: Option<&str>, server: &ServerName) -> Result<Self, OrganiseFault> {
        let key = Key::parse(text, link).ok_or(OrganiseFault::Credential)?;
        if !key.guest().servers.contains(server) {
            return Err(OrganiseFault::Credential);
        }
        Ok(Self {
            server: server.clone(),
            key,
            record: None,
            asked: None,
        })
    }

    /// The request, for the server's challenge.
    pub fn request(&mut self, frame: &[u8], errand: Errand) -> Result<Vec<u8>, OrganiseFault> {
        let nonce = challenge(frame)?;
        let (change, asked) = match errand {
            Errand::Read => (RoomChange::Read {}, Asked::Read),
            Errand::Delete => (RoomChange::Delete {}, Asked::Delete),
            Errand::Change(terms, nonce) => {
                let (credential, old) = self.credential_and_record()?;
                let record = reissue(credential, &self.server, old, &terms, nonce);
                replacing(old, record.map_err(OrganiseFault::of_terms)?, None)
            }
            Errand::Rotate(entropy) => {
                let (credential, old) = self.credential_and_record()?;
                let rotated = rotate(credential, &self.server, old, &entropy);
                let rotated = rotated.map_err(|_| OrganiseFault::Incompatible)?;
                replacing(old, rotated.record, Some(rotated.credential))
            }
            Errand::Restore(entropy) => {
                let Key::Deed(deed) = &self.key else {
                    return Err(OrganiseFault::Credential);
                };
                let old = self.record.as_ref().ok_or(OrganiseFault::Stale)?;
                let restored = restore(&deed.0, &deed.1, &self.server, old, &entropy);
                let restored = restored.map_err(|_| OrganiseFault::Incompatible)?;
                replacing(old, restored.record, Some(restored.credential))
            }
        };
        self.asked = Some(asked);
        let room_id = room_id(&self.key.guest().room_fp, &self.server);
        let manage = self.key.manage(&self.server);
        let signature = sign_change(&manage, &self.server, &nonce, room_id, &change);
        let message = ClientMessage::Manage {
            room_id,
            change,
            signature,
        };
        Ok(message.encode())
    }

    /// What a change is made with and from.
    fn credential_and_record(&self) -> Result<(&HostCredential, &RoomRecord), OrganiseFault> {
        match (&self.key, &self.record) {
            (Key::Credential(credential), Some(record)) => Ok((credential, record)),
            (Key::Deed(_), _) => Err(OrganiseFault::Credential),
            (_, None) => Err(OrganiseFault::Stale),
        }
    }

    /// What the server said: the room as it is now, `None` once it is deleted.
    pub fn settle(&mut self, frame: &[u8]) -> Result<Option<Known>, OrganiseFault> {
        let room = answer(frame)?;
        let asked = self.asked.take().ok_or(OrganiseFault::Incompatible)?;
        let (room, changed) = match (room, asked) {
            (None, Asked::Delete) => return Ok(None),
            (Some(room), Asked::Read) => (room, None),
            (Some(room), Asked::Replace(change)) if room.record == change.0 => (room, change.1),
            (Some(_), Asked::Replace(_)) => return Err(OrganiseFault::Foreign),
            _ => return Err(OrganiseFault::Incompatible),
        };
        let changed = changed.map(|credential| Key::Credential(Box::new(credential)));
        let key = changed.as_ref().unwrap_or(&self.key);
        // SECURITY: C-OWNER-1. What the owners did not sign is not shown, and no change is made from it.
        let sheet = key
            .open(&self.server, &room.record)
            .map_err(|_| OrganiseFault::Foreign)?;
        let known = Known {
            terms: Terms::of(&sheet),
            limits: room.limits,
            last_day: room.last_day,
            latest_day: room.latest_day,
            generation: key.guest().generation,
            by_deed: matches!(key, Key::Deed(_)),
            credential: match &changed {
                Some(Key::Credential(credential)) => Some(credential.to_text()),
                _ => None,
            },
            guest_link: key.guest().to_fragment(),
        };
        if let Some(changed) = changed {
            self.key = changed;
        }
        self.record = Some(room.record);
        Ok(Some(known))
    }
}

fn replacing(old: &RoomRecord, record: RoomRecord, credential: Option<HostCredential>) -> (RoomChange, Asked) {
    let change = RoomChange::Replace {
        base: record_hash(old),
        record: record.clone(),
    };
    (change, Asked::Replace(Box::new((record, credential))))
}
