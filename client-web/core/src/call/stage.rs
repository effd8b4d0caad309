//! The stages of a member, outside the call, inside it, over, and the ways from one to another.
//!
//! Does not decide when: the stages themselves do, by what they give back, and the server by what it refuses (`server`).

use conclave_protocol::ids::CallId;

use super::Member;
use super::inside::{Inside, Turn};
use super::newcomer::{Arrival, Joined, Newcomer};
use super::relink::Relinking;
use super::takeback::Asking;
use crate::error::CoreError;
use crate::group::{Group, Identity};
use crate::io::{EndReason, Event, NoticeCode, State};

pub(super) enum Stage {
    Outside(Box<Newcomer>),
    Inside(Box<Inside>),
    Over,
}

impl Member {
    /// A newcomer got in, or not.
    pub(super) fn arrive(&mut self, now: u64, arrival: Result<Option<Arrival>, CoreError>) {
        match arrival {
            Ok(None) => {}
            Ok(Some(Arrival::Founded(group, call))) => self.enter(now, *group, call, 0),
            Ok(Some(Arrival::Joined(joined))) => self.join(now, *joined),
            Ok(Some(Arrival::Refused)) if self.shared.invite.is_some() => self.end(EndReason::InviteRefused),
            Ok(Some(Arrival::Refused)) => self.end(EndReason::Refused),
            Ok(Some(Arrival::Full)) => self.end(EndReason::RoomFull),
            Err(CoreError::Library | CoreError::NoGroup) => self.end(EndReason::Internal),
            // SECURITY: a peer's bad card or welcome is dropped; the next knock brings another.
            Err(_) => {}
        }
    }

    fn join(&mut self, now: u64, joined: Joined) {
        let call = joined.group.call();
        self.enter(now, joined.group, call, joined.seq);
        if let Stage::Inside(inside) = &mut self.stage {
            if joined.resumed {
                self.shared.event(Event::Notice(NoticeCode::PlaceBack));
            }
            inside.hear_all(now, joined.early, &mut self.shared);
        }
    }

    fn enter(&mut self, now: u64, group: Group, call: CallId, have_seq: u64) {
        match Inside::enter(now, group, call, have_seq, self.switches, &mut self.shared) {
            Ok(inside) => self.stage = Stage::Inside(Box::new(inside)),
            Err(_) => self.end(EndReason::Internal),
        }
    }

    pub(super) fn turn(&mut self, now: u64, turn: Turn) {
        match turn {
            Turn::Stay => {}
            Turn::End(reason) => self.end(reason),
            Turn::StartOver => {
                let Some(mut inside) = self.leave_stage() else { return };
                // The old call is over with its last member. A fresh connection brings a fresh list of calls, and nothing that was meant
                // for the old one: neither its envelopes nor the answer to an offer made there.
                inside.give_up_call(&mut self.shared);
                match self.shared.keyring() {
                    Ok(keyring) => self.outside(Newcomer::over_again(keyring, inside.into_group().into_identity())),
                    Err(_) => self.end(EndReason::Internal),
                }
            }
            Turn::TakeBack => {
                let Some(mut inside) = self.leave_stage() else { return };
                let s = &mut self.shared;
                s.stand(State::Reconnecting);
                if let Some((keyring, heir)) = inside.asking.take().map(Asking::into_heir) {
                    // Whether the others have added the leaf that was asked for or not: it can take the place, and no third one could if they have.
                    self.outside(Newcomer::new(keyring, heir, true, Some(inside.call())));
                    return;
                }
                let (call, old) = (inside.call(), inside.into_group().into_identity());
                let heir = s.heir(&call, old.data.member_id, &old.key);
                self.go_outside(heir, true, Some(call));
            }
            Turn::Readded(joined) => {
                if self.leave_stage().is_some() {
                    self.join(now, *joined);
                }
            }
        }
    }

    /// Takes the call out of the member: nothing that its slots received is expected any more, and no alarm outlives it.
    fn leave_stage(&mut self) -> Option<Inside> {
        let Stage::Inside(mut inside) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return None;
        };
        inside.media.expect_nothing(&mut self.shared.out);
        inside.give_up_lines(&mut self.shared);
        inside.watch_ends(&mut self.shared);
        inside.keep_removals(&mut self.shared);
        Some(*inside)
    }

    fn go_outside(&mut self, identity: Identity, returning: bool, resume: Option<CallId>) {
        match self.shared.keyring() {
            Ok(keyring) => self.outside(Newcomer::new(keyring, identity, returning, resume)),
            Err(_) => self.end(EndReason::Internal),
        }
    }

    fn outside(&mut self, newcomer: Newcomer) {
        self.stage = Stage::Outside(Box::new(newcomer));
        self.shared.connection.open(&mut self.shared.out);
    }

    pub(super) fn leave(&mut self) {
        if let Stage::Inside(inside) = &mut self.stage {
            inside.leave(&mut self.shared);
        }
        self.end(EndReason::Left);
    }

    /// SECURITY: the stage holds every secret of the group; dropping it wipes them.
    pub(super) fn end(&mut self, reason: EndReason) {
        if let Stage::Inside(inside) = &mut self.stage {
            inside.give_up_lines(&mut self.shared);
        }
        self.stage = Stage::Over;
        let s = &mut self.shared;
        s.relinking = Relinking::default();
        s.connection.close(&mut s.out);
        s.forget_place();
        s.stand(State::Ended(reason));
    }
}
