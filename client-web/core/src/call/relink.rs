//! The room's link changed while a call runs: those inside learn it from the group, the server from the host.
//!
//! Does not decide who may: see `group::relink`. First the group, then the server, so that a host who vanishes in between leaves a call in which everybody
//! can still come back by the old link. SPEC: protocol.md §1, "Changing the link".

use conclave_protocol::credential::Role;
use conclave_protocol::keys::LinkSecret;

use super::council::Wish;
use super::errand::{Errand, Errands, Told};
use super::inside::Inside;
use super::roster::Entry;
use super::shared::Shared;
use crate::error::CoreError;
use crate::group::GroupData;
use crate::io::{Event, NoticeCode};
use crate::limits::LINK_WAIT_MS;

impl Inside {
    /// A host makes a new link. It is in force in the call with the next change of the rules, and at the server soon after.
    pub(super) fn change_link(&mut self, s: &mut Shared) {
        let generation = self.group.data().and_then(|data| data.generation().checked_add(1));
        match (generation, self.own_role(), &s.errands) {
            (Some(generation), Some(Role::Host), Some(_)) => {
                let secret = LinkSecret::from_bytes(*s.random.secret());
                self.council.link = Some((generation, secret));
                self.wish(Wish::Data, s);
            }
            _ => s.event(Event::Notice(NoticeCode::NotAllowed)),
        }
    }

    /// A host ends all owners' keys that are older than its own: whoever found a lost one is nobody then.
    pub(super) fn end_older_keys(&mut self, s: &mut Shared) {
        let serial = s.role.as_ref().map(|role| role.mandate.serial);
        match (serial, self.own_role()) {
            (Some(serial), Some(Role::Host)) => self.tell_server(Errand::MinimumSerial(serial), s),
            _ => s.event(Event::Notice(NoticeCode::NotAllowed)),
        }
    }

    /// Something about the room that only an owner can tell the server.
    pub(super) fn tell_server(&self, errand: Errand, s: &mut Shared) {
        if let Some(errands) = &mut s.errands {
            errands.add(errand);
        }
    }

    /// Whether these rules change the link.
    pub(super) fn relinks(&self, next: &GroupData) -> bool {
        self.group.data().is_some_and(|data| data.changes_link(next))
    }

    /// A new epoch: the new link, if there is one.
    pub(super) fn adopt_link(&mut self, now: u64, s: &mut Shared) -> Result<(), CoreError> {
        let Some((generation, secret)) = self.group.adopt_link()? else {
            return Ok(());
        };
        s.relink(now, generation, &secret);
        let mine = self
            .group
            .data()
            .is_some_and(|data| data.is_by(&self.group.identity().name()));
        if mine && self.council.link.take().is_some() {
            self.council.untold = Some((secret, now + LINK_WAIT_MS));
        }
        Ok(())
    }

    /// Tells the server the new link when all who are heard have it: whoever lost their socket just then has only the old one to come back with.
    pub(super) fn tell_link(&mut self, now: u64, s: &mut Shared) {
        let digest = self.group.epoch_digest();
        let has = |e: &Entry| e.lost || e.leaving || e.beacon.is_some_and(|beacon| beacon.digest == digest);
        let ready = || self.roster.others().all(has);
        let due = self
            .council
            .untold
            .as_ref()
            .is_some_and(|(_, at)| now >= *at || ready());
        if let (true, Some((secret, _))) = (due, self.council.untold.take_if(|_| due)) {
            self.tell_server(Errand::Relink(secret), s);
        }
    }

    /// The server has done what its owner told it, or has not.
    pub(super) fn told(&mut self, errand: Errand, done: bool, s: &mut Shared) {
        match (errand, done) {
            (Errand::Relink(_), true) => {
                if let Some(text) = s.errands.as_ref().map(|errands| errands.credential().to_text()) {
                    s.event(Event::Credential(text));
                }
                s.event(Event::Notice(NoticeCode::LinkInForce));
            }
            (Errand::Relink(_), false) => s.event(Event::Notice(NoticeCode::LinkNotInForce)),
            (Errand::RevokeInvite(_), true) => {}
            (Errand::MinimumSerial(_), true) => {
                self.council.sheet = s.errands.as_ref().and_then(Errands::sheet).cloned();
                self.wish(Wish::Data, s);
                s.event(Event::Notice(NoticeCode::OlderKeysEnded));
            }
            (Errand::RevokeMandate(_), true) => {
                self.council.sheet = s.errands.as_ref().and_then(Errands::sheet).cloned();
                self.wish(Wish::Data, s);
            }
            (Errand::RevokeInvite(_) | Errand::MinimumSerial(_) | Errand::RevokeMandate(_), false) => {
                s.event(Event::Notice(NoticeCode::RoomNotChanged));
            }
        }
    }
}

impl super::Member {
    /// Sends what an owner has to tell the server, one request after the other.
    pub(super) fn run_errands(&mut self, now: u64) {
        let s = &mut self.shared;
        let Some(errands) = &mut s.errands else { return };
        if s.connection.is_up() {
            s.connection.manage(now, errands, &mut s.out);
            return;
        }
        errands.cut();
        while let Some(errand) = self.shared.errands.as_mut().and_then(Errands::given_up) {
            self.told(Told::Refused(errand));
        }
    }

    /// When something is to be sent that is not yet, if the connection is up then.
    pub(super) fn errands_timeout(&self) -> Option<u64> {
        let errands = self.shared.errands.as_ref()?;
        errands.timeout().filter(|_| self.shared.connection.is_up())
    }

    /// An answer to an owner's errand.
    pub(super) fn told(&mut self, told: Told) {
        if let super::Stage::Inside(inside) = &mut self.stage {
            match told {
                Told::NotYet => {}
                Told::Done(errand) => inside.told(errand, true, &mut self.shared),
                Told::Refused(errand) => inside.told(errand, false, &mut self.shared),
            }
        }
    }
}
