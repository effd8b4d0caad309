//! The room's link changed while a call runs: those inside learn it from the group, the server from the host.
//!
//! Does not decide who may: see `group::relink`. First the group, then the server, so that a host who vanishes in between leaves a call in which everybody
//! can still come back by the old link; the others then bring the server what the host signed before (`carry`). SPEC: protocol.md §1, "Changing the link".

use conclave_protocol::credential::Role;
use conclave_protocol::keys::{LinkKeys, LinkSecret};
use conclave_protocol::manage::Replacement;

use super::carry::Carried;
use super::council::Wish;
use super::errand::{Errand, Errands, Told};
use super::inside::Inside;
use super::own_link::Found;
use super::roster::Entry;
use super::shared::Shared;
use crate::error::CoreError;
use crate::group::{Adopted, GroupData, NewLink};
use crate::io::{Event, NoticeCode};
use crate::limits::{LINK_SIGN_MS, LINK_STAND_BY_MS, LINK_WAIT_MS};

/// A new link on its way: signed for the server, in force in the call, known to the server.
#[derive(Default)]
pub(crate) struct Relinking {
    /// This host waits for the server's record until then, to sign the one with this secret.
    draft: Option<Draft>,
    /// A link that this host makes, and the generation that it shall have.
    pub(super) link: Option<(u16, NewLink)>,
    /// A link that is in force in the call, and when this host tells the server at the latest.
    untold: Option<(LinkSecret, u64)>,
    /// Another host made that link, and is to tell the server first.
    stands_by: bool,
    /// What the server is to be told when a link of this host's is in force in the call.
    later: Vec<Errand>,
    /// This host's own link, found in force from outside.
    pub(super) found: Option<Found>,
    /// The record that another host signed.
    pub(super) carried: Option<Carried>,
}

struct Draft {
    generation: u16,
    secret: LinkSecret,
    until: u64,
}

impl Relinking {
    /// The link that is still wanted where these rules are in force.
    pub(super) fn wanted(&self, data: &GroupData) -> Option<&NewLink> {
        let (generation, link) = self.link.as_ref()?;
        (data.generation().checked_add(1) == Some(*generation)).then_some(link)
    }

    /// There is no room for the signed record; whether there was one.
    pub(super) fn carry_nothing(&mut self) -> bool {
        let link = self.link.as_mut();
        link.is_some_and(|(_, link)| link.replacement.take().is_some())
    }

    /// The link is in force, or cannot be.
    pub(super) fn give_up(&mut self) {
        self.link = None;
    }

    fn is_made(&self) -> bool {
        self.draft.is_some() || self.link.is_some()
    }

    /// Outside the call: the link that this host proposed, or, if it goes on by that one, the one before.
    pub(super) fn other_link(&self) -> Option<(u16, LinkSecret)> {
        let proposed = self
            .link
            .as_ref()
            .map(|(generation, link)| (*generation, link.secret.clone()));
        proposed.or_else(|| self.found.as_ref().map(|found| found.before.clone()))
    }

    /// This host goes on by that link: the server is to be told of its own one when the host is in the call, which goes by it.
    pub(super) fn go_over(&mut self, now: u64, before: (u16, LinkSecret)) {
        if let Some(link) = self.link.take() {
            (self.carried, self.stands_by) = (None, false);
            self.untold = Some((link.1.secret.clone(), now + LINK_WAIT_MS));
            self.found = Some(Found { link, before });
        } else if let Some(found) = self.found.take() {
            (self.link, self.untold) = (Some(found.link), None);
        }
    }
}

impl Inside {
    /// A host makes a new link. It is in force in the call with the next change of the rules, and at the server soon after.
    pub(super) fn change_link(&mut self, now: u64, s: &mut Shared) {
        let generation = self.group.data().and_then(|data| data.generation().checked_add(1));
        match (generation, self.own_role(), &s.errands) {
            (Some(generation), Some(Role::Host), Some(_)) if !s.relinking.is_made() => {
                let secret = LinkSecret::from_bytes(*s.random.secret());
                if let Some(errands) = &mut s.errands {
                    errands.know(&secret);
                }
                self.tell_server(Errand::Sign(secret.clone()), s);
                let until = now + LINK_SIGN_MS;
                s.relinking.draft = Some(Draft {
                    generation,
                    secret,
                    until,
                });
            }
            // One is on its way.
            (Some(_), Some(Role::Host), Some(_)) => {}
            _ => s.event(Event::Notice(NoticeCode::NotAllowed)),
        }
    }

    /// Any record at all with a link, from an evil host.
    #[cfg(test)]
    pub(super) fn propose_link(&mut self, secret: LinkSecret, replacement: Replacement, s: &mut Shared) {
        let generation = self.group.data().map_or(0, |data| data.generation());
        s.relinking.draft = Some(Draft {
            generation: generation + 1,
            secret,
            until: 0,
        });
        self.make_link(Some(replacement), s);
    }

    /// The server's record was signed, or will not be: the change goes its way.
    fn make_link(&mut self, replacement: Option<Replacement>, s: &mut Shared) {
        if let Some(Draft { generation, secret, .. }) = s.relinking.draft.take() {
            s.connection.expect_link(&LinkKeys::derive(&secret));
            s.relinking.link = Some((generation, NewLink { secret, replacement }));
            self.wish(Wish::Data, s);
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

    /// Something about the room that only an owner can tell the server. INVARIANT: a new link goes before all that was wanted after it, or the record that was
    /// signed for others would be stale.
    pub(super) fn tell_server(&self, errand: Errand, s: &mut Shared) {
        if s.relinking.is_made() {
            s.relinking.later.push(errand);
            return;
        }
        if let Some(errands) = &mut s.errands {
            let untold = s.relinking.untold.take();
            untold
                .into_iter()
                .for_each(|(secret, _)| errands.add(Errand::Relink(secret)));
            errands.add(errand);
        }
    }

    /// Whether these rules change the link.
    pub(super) fn relinks(&self, next: &GroupData) -> bool {
        self.group.data().is_some_and(|data| data.changes_link(next))
    }

    /// A new epoch: the new link, if there is one.
    pub(super) fn adopt_link(&mut self, now: u64, s: &mut Shared) -> Result<(), CoreError> {
        let Some(Adopted { generation, link }) = self.group.adopt_link()? else {
            return Ok(());
        };
        let NewLink { secret, replacement } = link;
        s.relink(now, generation, &secret);
        let own = s.relinking.link.take();
        s.relinking.stands_by = own.is_none_or(|(_, own)| own.secret != secret);
        let wait = if s.relinking.stands_by {
            LINK_STAND_BY_MS
        } else {
            LINK_WAIT_MS
        };
        (s.relinking.untold, s.relinking.carried) = (None, None);
        // Every host asks the server in the end: whoever changed the link may be gone, and each needs a key with the new one.
        if s.errands.is_some() && self.own_role() == Some(Role::Host) {
            s.relinking.untold = Some((secret, now + wait));
        } else {
            s.relinking.carried = replacement.and_then(|r| Carried::of(now, r, s));
        }
        Ok(())
    }

    /// What a new link needs by the clock.
    pub(super) fn bring_link_about(&mut self, now: u64, s: &mut Shared) {
        if s.relinking.draft.as_ref().is_some_and(|draft| now >= draft.until) {
            // SECURITY: a server that withholds its record keeps nobody from changing the link in the call.
            if let Some(errands) = &mut s.errands {
                errands.sign_nothing();
            }
            self.make_link(None, s);
        }
        // This member came to the call anew meanwhile.
        if s.relinking.link.is_some() && !self.council.wants(&Wish::Data) {
            self.wish(Wish::Data, s);
        }
        if !s.relinking.is_made() {
            for errand in std::mem::take(&mut s.relinking.later) {
                self.tell_server(errand, s);
            }
        }
        self.tell_link(now, s);
        self.carry_link(now, s);
    }

    /// When the next of that is due.
    pub(super) fn link_at(&self, now: u64, s: &Shared) -> Option<u64> {
        let relinking = &s.relinking;
        let all = [
            relinking.draft.as_ref().map(|draft| draft.until),
            relinking.untold.as_ref().map(|(_, at)| *at),
            relinking.carried.as_ref().map(Carried::at),
        ];
        all.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Tells the server the new link when all who are heard have it: whoever lost their socket just then has only the old one to come back with. A host who
    /// stands by does so later, and finds it done if the one who changed the link is still there.
    fn tell_link(&mut self, now: u64, s: &mut Shared) {
        let digest = self.group.epoch_digest();
        let has = |e: &Entry| e.lost || e.leaving || e.beacon.is_some_and(|beacon| beacon.digest == digest);
        let ready = || !s.relinking.stands_by && self.roster.others().all(has);
        let untold = s.relinking.untold.as_ref();
        let due = untold.is_some_and(|(_, at)| now >= *at || ready());
        if let (true, Some((secret, _))) = (due, s.relinking.untold.take_if(|_| due)) {
            self.tell_server(Errand::Relink(secret), s);
        }
    }

    /// The server has done what its owner told it, or has not.
    pub(super) fn told(&mut self, errand: Errand, done: bool, s: &mut Shared) {
        match (errand, done) {
            (Errand::Sign(_), _) => {
                let signed = s.errands.as_mut().and_then(Errands::take_signed);
                self.make_link(signed, s);
            }
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
