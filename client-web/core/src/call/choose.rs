//! Which of a room's calls a newcomer joins.
//!
//! Does not knock or found. The server's list only says which calls there are; what counts about them is in their cards.
//! SPEC: protocol.md §2, "Calls and founders".

use std::collections::BTreeMap;

use conclave_protocol::ids::CallId;
use conclave_protocol::limits::MAX_CALLS;

use super::card::{Card, is_better};

/// A call as a newcomer knows it.
struct Listed {
    card: Option<Card>,
    /// The card that nobody answered to; the call counts again when it shows another.
    unanswered: Option<[u8; 64]>,
}

/// The calls of a room.
#[derive(Default)]
pub(crate) struct Calls(BTreeMap<CallId, Listed>);

impl Calls {
    /// A call is listed, with its card if it has one.
    pub(crate) fn list(&mut self, call: CallId, card: Option<Card>) {
        if self.0.len() >= usize::from(MAX_CALLS) && !self.0.contains_key(&call) {
            // More calls than a room may have: some are over. The smallest is the least loss.
            let members = |l: &Listed| l.card.as_ref().map_or(0, |c| c.members);
            if let Some(smallest) = self.0.iter().min_by_key(|(_, l)| members(l)).map(|(id, _)| *id) {
                self.0.remove(&smallest);
            }
        }
        let listed = self.0.entry(call).or_insert(Listed {
            card: None,
            unanswered: None,
        });
        if card.is_some() {
            listed.card = card;
        }
    }

    /// Starts over with what a fresh admission lists, remembering which cards went unanswered.
    pub(crate) fn relist(&mut self, calls: impl Iterator<Item = (CallId, Option<Card>)>) {
        let mut old = std::mem::take(&mut self.0);
        for (call, card) in calls {
            self.list(call, card);
            if let (Some(new), Some(was)) = (self.0.get_mut(&call), old.remove(&call)) {
                new.unanswered = was.unanswered;
            }
        }
    }

    /// Nobody answers there.
    pub(crate) fn unanswered(&mut self, call: &CallId) {
        if let Some(listed) = self.0.get_mut(call) {
            listed.unanswered = listed.card.as_ref().map(Card::mark);
        }
    }

    /// That one call, if its card is not one that nobody answered to.
    pub(crate) fn answering(&self, call: &CallId) -> Option<(CallId, &Card)> {
        let listed = self.0.get(call)?;
        let card = listed.card.as_ref()?;
        (listed.unanswered != Some(card.mark())).then_some((*call, card))
    }

    /// Nobody answered to the newest card of that call.
    pub(crate) fn is_silent(&self, call: &CallId) -> bool {
        self.0.get(call).is_some_and(|l| l.unanswered.is_some()) && self.answering(call).is_none()
    }

    pub(crate) fn forget(&mut self, call: &CallId) {
        self.0.remove(call);
    }

    /// The call to knock at.
    pub(crate) fn best(&self) -> Option<(CallId, &Card)> {
        let mut best: Option<(CallId, &Card)> = None;
        for (call, listed) in &self.0 {
            let Some(card) = &listed.card else { continue };
            if listed.unanswered == Some(card.mark()) {
                continue;
            }
            if best
                .is_none_or(|(other, other_card)| is_better((card.standing(), call), (other_card.standing(), &other)))
            {
                best = Some((*call, card));
            }
        }
        best
    }

    /// Some call is listed whose card has not come yet.
    pub(crate) fn some_without_card(&self) -> bool {
        self.0.values().any(|l| l.card.is_none())
    }
}
