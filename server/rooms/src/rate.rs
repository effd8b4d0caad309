//! How often one connection may do what: token buckets, one per kind of request.
//!
//! Limits are per connection, so that a flood ends itself and nobody else. What a whole server bears is the daemon's question.

/// A sustained rate and what may come at once on top.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    burst: u32,
    per_minute: u32,
}

const fn rate(burst: u32, per_minute: u32) -> Rate {
    Rate { burst, per_minute }
}

/// Frames of any kind. Two full submissions in pieces (260 frames) and a join's traffic fit into the burst; more is no client of ours, and the
/// connection is closed. A lower rate would cut a 1 MiB commit on a fast line; a higher one lets one connection keep a core busy with decoding.
pub(crate) const FRAMES: Rate = rate(600, 6_000);

/// Commits. SPEC: two a second. The burst lets a committer answer a lost race at once.
pub(crate) const COMMITS: Rate = rate(4, 120);

/// Messages: beacons (one in two seconds), chat, hands, mutes. Ten a second is more than a person makes; every member of the call gets each.
pub(crate) const MESSAGES: Rate = rate(40, 600);

/// Bytes of messages. A full-length one every half second; the fan-out to 250 members is then 16 MB/s, at which an operator's line still lives.
pub(crate) const MESSAGE_BYTES: Rate = rate(512 * 1024, 60 * 64 * 1024);

/// Knocks. A newcomer knocks once per card; each makes every member work, and lone founders who give way knock twice.
pub(crate) const KNOCKS: Rate = rate(5, 30);

/// Cards. One per epoch from whoever commits; as often as commits, and a little slack for two committers in turn.
pub(crate) const CARDS: Rate = rate(8, 120);

/// Offers. The first, an ICE restart on each change of network; each costs the server some milliseconds of SDP.
pub(crate) const OFFERS: Rate = rate(6, 30);

/// Publishing: four kinds switched on at joining, then as fast as a person presses buttons.
pub(crate) const PUBLISHES: Rate = rate(20, 300);

/// Slot changes: paging through pictures; one message carries all of a page.
pub(crate) const SLOTS: Rate = rate(40, 600);

/// Attaching. Founding, giving way and coming back make three in a row; each can replay 4 MiB of log.
pub(crate) const ATTACHES: Rate = rate(6, 30);

/// Pings. One in some seconds; the burst is for clients that wake up.
pub(crate) const PINGS: Rate = rate(20, 120);

/// Proofs of a gate. One after each commit: a member that comes back reads up to 64 at once, and then as many as all others together commit.
pub(crate) const PROOFS: Rate = rate(100, 600);

/// Requests of an owner about the room's record. A change is two; the burst is for several invites taken back in a row. Each is a signature to verify and may be a write.
pub(crate) const MANAGES: Rate = rate(20, 60);

/// The tokens of one connection for one kind of request.
pub(crate) struct Bucket {
    rate: Rate,
    /// Tokens times 60,000, so that a millisecond's refill is a whole number.
    scaled: u64,
    at_ms: u64,
}

const SCALE: u64 = 60_000;

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(rate: Rate, now_ms: u64) -> Self {
        Self {
            rate,
            scaled: u64::from(rate.burst) * SCALE,
            at_ms: now_ms,
        }
    }

    /// Takes `cost` tokens, or says in how many milliseconds they would be there.
    pub(crate) fn take(&mut self, now_ms: u64, cost: u32) -> Result<(), u32> {
        let elapsed = now_ms.saturating_sub(self.at_ms);
        self.at_ms = self.at_ms.max(now_ms);
        let refill = elapsed.saturating_mul(u64::from(self.rate.per_minute));
        self.scaled = self
            .scaled
            .saturating_add(refill)
            .min(u64::from(self.rate.burst) * SCALE);
        let cost = u64::from(cost) * SCALE;
        match self.scaled.checked_sub(cost) {
            Some(left) => {
                self.scaled = left;
                Ok(())
            }
            None => {
                let wait = (cost - self.scaled).div_ceil(u64::from(self.rate.per_minute));
                Err(u32::try_from(wait).unwrap_or(u32::MAX))
            }
        }
    }
}
