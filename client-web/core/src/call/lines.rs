//! Lines of chat: this member's until the server has dealt with them, and which of the others' were shown.
//!
//! Does not know whether anybody read a line: the server passes it on to whoever is connected at that moment, and a pong says that it did. What a dead
//! connection took with it is said again on the next one, at most a minute after it was written; if that cannot be, the writer is told which line it
//! was. SPEC: protocol.md §2, "Lines of chat".

use std::collections::VecDeque;

use conclave_protocol::ids::MemberId;
use conclave_protocol::rules::WRITE;

use super::inside::Inside;
use super::shared::Shared;
use super::words::Words;
use crate::io::{Event, NoticeCode};
use crate::limits::{LINE_PONG_MS, LINES_AT_ONCE, MAX_LINES_OPEN, SAY_AGAIN_MS, SAY_AGAIN_UNTIL_MS};
use crate::text::clean_chat;

/// What a line is known by, among the lines of its writer. Random, so that whoever lost all memory of their own lines repeats none by accident.
pub(crate) type LineNumber = [u8; 8];

/// A line of this member of which it does not know yet that the server dealt with it.
struct Line {
    /// On this member's screen.
    shown_as: u32,
    number: LineNumber,
    text: String,
    written_at: u64,
    /// On the present connection; not since a connection with it was lost, or the server refused something.
    said: Option<Said>,
    times: u32,
    /// Somebody was added since it was written.
    others_came: bool,
}

/// When a line was said, and after which ping of the same connection.
struct Said {
    at: u64,
    after: u32,
}

/// See the module. INVARIANT: in the order in which they were written, [`MAX_LINES_OPEN`] at most.
#[derive(Default)]
pub(crate) struct Lines {
    open: VecDeque<Line>,
    /// When those that wait are said again, if this member may speak.
    again_at: Option<u64>,
}

impl Lines {
    fn has_room(&self) -> bool {
        self.open.len() < MAX_LINES_OPEN
    }

    fn is_waiting(&self) -> bool {
        self.open.iter().any(|line| line.said.is_none())
    }

    /// The server has dealt with everything that was sent before that ping, and if it had refused something, that would have come first.
    pub(crate) fn pong(&mut self, n: u32) {
        self.open
            .retain(|line| line.said.as_ref().is_none_or(|said| said.after >= n));
    }

    /// Whatever carried them is gone.
    pub(crate) fn connection_lost(&mut self) {
        self.again_at = None;
        for line in &mut self.open {
            line.said = None;
        }
    }

    /// The server refused an envelope of this member and does not say which. Saying a line twice costs nothing but its bytes.
    pub(crate) fn refused(&mut self, now: u64, wait: u64) {
        let times = self.open.iter().map(|line| line.times).max().unwrap_or(0);
        for line in &mut self.open {
            line.said = None;
        }
        if self.is_waiting() {
            let wait = wait.max(SAY_AGAIN_MS << times.min(4));
            self.again_at.get_or_insert(now + wait);
        }
    }

    /// This member may speak from now on.
    pub(crate) fn may_speak(&mut self, now: u64) {
        self.again_at = self.is_waiting().then_some(now + SAY_AGAIN_MS);
    }

    /// Somebody was added.
    pub(crate) fn others_came(&mut self) {
        for line in &mut self.open {
            line.others_came = true;
        }
    }

    /// This member did not run: pongs may have waited for it.
    pub(crate) fn forgive(&mut self, now: u64) {
        for said in self.open.iter_mut().filter_map(|line| line.said.as_mut()) {
            said.at = now;
        }
    }

    /// A line was said and no pong came: the connection is dead, though nobody has said so.
    pub(crate) fn pong_overdue(&self, now: u64) -> bool {
        self.pong_due_at().is_some_and(|at| now >= at)
    }

    fn pong_due_at(&self) -> Option<u64> {
        let said = self.open.iter().filter_map(|line| line.said.as_ref());
        said.map(|said| said.at + LINE_PONG_MS).min()
    }

    /// Takes out what cannot be said again.
    ///
    /// SECURITY: whoever was added since was not among those for whom it was written, and would read it. And a line that comes late may answer a
    /// question that was asked after it.
    fn take_hopeless(&mut self, now: u64, may_write: bool) -> Vec<u32> {
        let mut hopeless = Vec::new();
        self.open.retain(|line| {
            let old = now.saturating_sub(line.written_at) >= SAY_AGAIN_UNTIL_MS;
            let stays = line.said.is_some() || !(old || line.others_came || !may_write);
            if !stays {
                hopeless.push(line.shown_as);
            }
            stays
        });
        hopeless
    }

    fn is_due(&self, now: u64) -> bool {
        self.again_at.is_some_and(|at| now >= at)
    }

    pub(crate) fn timeout(&self) -> Option<u64> {
        let waiting = self.open.iter().find(|line| line.said.is_none());
        let too_old_at = waiting.map(|line| line.written_at + SAY_AGAIN_UNTIL_MS);
        [self.again_at, self.pong_due_at(), too_old_at]
            .into_iter()
            .flatten()
            .min()
    }
}

/// The numbers of somebody's newest lines that were shown.
///
/// SECURITY: per sender, and as many as a sender can have open: nobody's numbers push out another's, and memory does not grow with what is said. Whoever
/// uses a number twice hides a line of their own.
#[derive(Default)]
pub(crate) struct Shown(VecDeque<LineNumber>);

impl Shown {
    /// Whether a line of that number is new, which it is once.
    pub(crate) fn is_new(&mut self, number: LineNumber) -> bool {
        if self.0.contains(&number) {
            return false;
        }
        if self.0.len() == MAX_LINES_OPEN {
            self.0.pop_front();
        }
        self.0.push_back(number);
        true
    }
}

impl Inside {
    /// The person wrote.
    pub(crate) fn chat(&mut self, now: u64, text: &str, s: &mut Shared) {
        let own = self.roster.own();
        let name = self.roster.entry(&own).map(|entry| entry.name.clone());
        // Nothing is written that somebody would read who was told to go.
        if self.log.is_stopped() {
            return s.event(Event::Notice(NoticeCode::ChatStopped));
        }
        let may = self.attached && self.rights.on && self.lines.has_room();
        let (Some(text), Some(name), true) = (clean_chat(text), name, may) else {
            return s.event(Event::Notice(NoticeCode::ChatRefused));
        };
        let number = s.random.bytes();
        let mut line = Line {
            shown_as: s.next_line(),
            number,
            text: text.clone(),
            written_at: now,
            said: None,
            times: 0,
            others_came: false,
        };
        // Behind those that wait, so that the others read them in order.
        if !self.lines.is_waiting() && !self.say_line(now, &mut line, s) {
            return s.event(Event::Notice(NoticeCode::ChatRefused));
        }
        s.event(Event::Chat {
            from: own,
            name,
            text,
            mine: true,
            line: line.shown_as,
            at_ms: now,
        });
        self.lines.open.push_back(line);
    }

    fn say_line(&mut self, now: u64, line: &mut Line, s: &mut Shared) -> bool {
        let words = Words::Chat {
            text: line.text.clone(),
            number: line.number,
        };
        let said = self.say(&words, s).is_ok();
        if said {
            let after = s.connection.pings();
            line.said = Some(Said { at: now, after });
            line.times = line.times.saturating_add(1);
        }
        said
    }

    /// Says again what waits, if it is time and this member may speak.
    pub(super) fn say_again(&mut self, now: u64, s: &mut Shared) {
        if !self.attached || !self.rights.on || self.log.is_stopped() || !self.lines.is_due(now) {
            return;
        }
        let mut lines = std::mem::take(&mut self.lines);
        let waiting = lines.open.iter_mut().filter(|line| line.said.is_none());
        for line in waiting.take(LINES_AT_ONCE) {
            if !self.say_line(now, line, s) {
                break;
            }
        }
        lines.may_speak(now);
        self.lines = lines;
    }

    /// Tells of the lines that cannot be said again.
    pub(super) fn tell_unsure(&mut self, now: u64, s: &mut Shared) {
        if !self.lines.is_waiting() {
            return;
        }
        let may_write = self.muted(&self.roster.own()) & WRITE == 0;
        for line in self.lines.take_hopeless(now, may_write) {
            s.event(Event::Unsure { line });
        }
    }

    /// This member is in the call no more, or not as it was: nothing that it said here is said again anywhere.
    ///
    /// SECURITY: in another group others read, and whoever takes a place back cannot tell who came meanwhile.
    pub(crate) fn give_up_lines(&mut self, s: &mut Shared) {
        for line in std::mem::take(&mut self.lines).open {
            s.event(Event::Unsure { line: line.shown_as });
        }
    }

    /// Somebody else's line.
    pub(super) fn line_in(&mut self, now: u64, from: MemberId, text: &str, number: LineNumber, s: &mut Shared) {
        let Some(text) = clean_chat(text) else { return };
        if let Some(name) = self.roster.first_says(&from, number) {
            let line = s.next_line();
            s.event(Event::Chat {
                from,
                name,
                text,
                mine: false,
                line,
                at_ms: now,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_remembered_as_long_as_a_line_can_be_said_again_and_no_longer() {
        let mut shown = Shown::default();
        let number = |n: usize| (n as u64).to_be_bytes();
        assert!((0..MAX_LINES_OPEN).all(|n| shown.is_new(number(n))));
        assert!(
            (0..MAX_LINES_OPEN).all(|n| !shown.is_new(number(n))),
            "a line is shown twice"
        );
        assert!((0..100_000).all(|n| shown.is_new(number(1_000 + n))));
        assert_eq!(shown.0.len(), MAX_LINES_OPEN, "memory grows with what is said");
    }

    #[test]
    fn a_pong_speaks_for_what_was_sent_before_its_ping_alone() {
        let mut lines = Lines::default();
        for after in [4, 4, 5] {
            lines.open.push_back(Line {
                shown_as: after,
                number: [0; 8],
                text: "words".into(),
                written_at: 0,
                said: Some(Said { at: 0, after }),
                times: 1,
                others_came: false,
            });
        }
        lines.pong(4);
        assert_eq!(lines.open.len(), 3, "that ping was sent before any of them");
        lines.pong(5);
        assert_eq!(lines.open.len(), 1);
        lines.connection_lost();
        lines.pong(u32::MAX);
        assert!(lines.is_waiting(), "a pong counts on the connection of its ping alone");
    }
}
