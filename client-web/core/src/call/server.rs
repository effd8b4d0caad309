//! What the server says to a member, brought to the stage it is in; and a server that refuses or is gone.
//!
//! Does not read frames (`socket`) and does not open what others sealed (`newcomer`, `inside`).

use conclave_protocol::message::{RefusalCode, ServerMessage, client_type};

use super::stage::Stage;
use super::{Member, watch};
use crate::io::{EndReason, Event, State};
use crate::text::clean_title;

impl Member {
    pub(super) fn frame(&mut self, now: u64, bytes: &[u8]) {
        let s = &mut self.shared;
        match s.connection.frame(now, bytes, &mut s.random, &mut s.out) {
            Ok(Some(message)) => self.message(now, message),
            Ok(None) => {}
            // A server that does not keep to the protocol: another connection may do better, and if not, time will tell.
            Err(_) => self.drop_connection(),
        }
    }

    fn message(&mut self, now: u64, message: ServerMessage) {
        if let ServerMessage::Refused {
            re: client_type::HELLO | client_type::ADMIT,
            code,
            ..
        } = message
        {
            self.not_admitted(code);
            return;
        }
        let s = &mut self.shared;
        if let Some(errands) = &mut s.errands {
            let server = s.connection.server().clone();
            let told = match message {
                ServerMessage::Managed { room } => errands.managed(&server, room, &mut s.random),
                ServerMessage::Refused {
                    re: client_type::MANAGE,
                    code,
                    ..
                } => errands.refused(now, code),
                other => return self.staged(now, other),
            };
            return self.told(told);
        }
        self.staged(now, message);
    }

    /// A message for the stage that this member is in.
    fn staged(&mut self, now: u64, message: ServerMessage) {
        let s = &mut self.shared;
        match &mut self.stage {
            Stage::Outside(newcomer) => {
                if newcomer.find_own_link(now, &message, s).is_err() {
                    return self.end(EndReason::Internal);
                }
                let arrival = match message {
                    ServerMessage::Admitted { calls, limits, sheet } => {
                        // SECURITY: a room that somebody else registered under this id, a sheet of another room or server, or limits above
                        // the signed ones. Below them is the server's to refuse and ours to tell.
                        match s.open_sheet(&limits, &sheet) {
                            Ok(sheet) => {
                                s.less = watch::less(&limits, &sheet.record.limits);
                                if s.invite_is_over(&sheet) {
                                    return self.end(EndReason::InviteRefused);
                                }
                                if let Some(title) = clean_title(&sheet.title) {
                                    s.event(Event::Title(title));
                                }
                                s.room.sheet = Some(sheet.clone());
                                s.use_deed(&sheet);
                                s.renew_key(&sheet);
                                newcomer.believe(sheet, s.role.as_ref());
                                newcomer.admitted(now, calls, s)
                            }
                            Err(_) => return self.end(EndReason::ForeignRoom),
                        }
                    }
                    ServerMessage::EnvelopeIn { seq, envelope } => newcomer.envelope(now, seq, &envelope, s),
                    ServerMessage::Refused {
                        re: client_type::ENVELOPE,
                        code,
                        ..
                    } => newcomer.refused(now, code, s),
                    _ => Ok(None),
                };
                self.arrive(now, arrival);
            }
            Stage::Inside(inside) => {
                let turn = match message {
                    ServerMessage::Admitted { calls, limits, .. } => {
                        if let Some(sheet) = &s.room.sheet {
                            s.less = watch::less(&limits, &sheet.record.limits);
                        }
                        inside.admitted(now, &calls, s)
                    }
                    message => inside.message(now, message, s),
                };
                self.turn(now, turn);
            }
            Stage::Over => {}
        }
    }

    fn not_admitted(&mut self, code: RefusalCode) {
        match code {
            // The link was changed in the group, and at the server not yet; or the reverse.
            RefusalCode::NotAllowed if self.shared.connection.try_other_link() => self.drop_connection(),
            RefusalCode::NotAllowed => self.end(EndReason::NotAllowed),
            RefusalCode::RoomFull => self.end(EndReason::RoomFull),
            RefusalCode::ServerFull => self.end(EndReason::ServerFull),
            RefusalCode::Malformed | RefusalCode::TooLarge => self.end(EndReason::Incompatible),
            // The server goes down or is too busy: try again later. The others belong to calls, of which it was not asked yet. Listed one by one: a new code
            // of the server has to be thought of here, or this does not compile.
            RefusalCode::Closing
            | RefusalCode::RateLimited
            | RefusalCode::StaleSequence
            | RefusalCode::UnknownCall
            | RefusalCode::SdpUnusable
            | RefusalCode::NotAttached
            | RefusalCode::CallLimit
            | RefusalCode::BacklogGone
            | RefusalCode::FloorFull => self.drop_connection(),
        }
    }

    pub(super) fn closed(&mut self, code: u16) {
        match RefusalCode::from_close_code(code) {
            Some(code @ (RefusalCode::NotAllowed | RefusalCode::RoomFull | RefusalCode::ServerFull))
                if !self.shared.connection.is_up() =>
            {
                self.not_admitted(code)
            }
            _ => self.lost(),
        }
    }

    pub(super) fn drop_connection(&mut self) {
        let s = &mut self.shared;
        s.connection.close(&mut s.out);
        self.lost();
    }

    fn lost(&mut self) {
        let s = &mut self.shared;
        s.connection.lost(&mut s.random, &mut s.out);
        match &mut self.stage {
            Stage::Inside(inside) => inside.lost(s),
            Stage::Outside(newcomer) if newcomer.returning => s.stand(State::Reconnecting),
            _ => s.stand(State::Connecting),
        }
    }
}
