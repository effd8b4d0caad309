//! Every number of the core in one table, each with its source and what larger and smaller would cost.
//!
//! Does not repeat limits that the server shares (`conclave_protocol::limits`). Times are milliseconds of the monotonic clock that the caller
//! hands in.

/// Members in one group, as the server counts them.
pub const MAX_MEMBERS: usize = conclave_protocol::limits::MAX_MEMBERS as usize;

/// Past epochs whose messages can still be read (protocol.md §2). More keeps secrets longer; fewer loses chat sent during a busy join.
pub const PAST_EPOCHS: usize = 3;
/// How long those secrets are kept after an epoch ended. Longer weakens forward secrecy; shorter loses messages in slow uplinks.
pub const PAST_EPOCH_MS: u64 = 10_000;
/// Messages of one sender that may arrive out of order. The server keeps order, so this only covers losses at reconnects.
pub const RATCHET_TOLERANCE: u32 = 64;
/// How far a sender's ratchet may jump. COST: each step is a hash; a hostile jump costs at most 2,000 of them.
pub const RATCHET_FORWARD: u32 = 2_000;
/// Half the validity of a key package, seconds: 42 days each way, so that a wrong clock does not matter; no security rests on it.
pub const LIFETIME_S: u64 = 42 * 24 * 3_600;
/// In groups up to this size every commit carries an update path, so that the tree is warm. COST: about 1.2 kB and 0.2 ms per tree level and
/// empty subtree; in larger groups Adds go without (facts.md §6: 2.8 kB instead of 132 kB).
pub const WARM_ADDS_UP_TO: usize = 32;
/// In larger groups, eight neighbours in the tree are cold if a path has to be sealed to more keys of theirs than this. COST: a removal in a warm call of 250 is then sealed to 160 keys
/// at most, 40 if few came or went since. Fewer would renew keys for each newcomer; more leaves removals large.
pub const COLD_FROM: usize = 4;
/// Nobody warms the tree sooner after another commit: waves of arrivals, and decisions that follow each other, go first.
pub const WARM_AFTER_MS: u64 = 2_000;
/// Nor sooner than a line takes for the last commit at this rate, 0.4 Mbit/s, a quarter of a picture: the first is sealed to everybody. So a room that 250 people filled at once is warm after a minute.
/// More competes with pictures; less leaves removals large for longer.
pub const WARM_BYTES_PER_MS: u64 = 50;
/// Adds in one commit. A single huge Add is quadratic (facts.md §6); 50 took 43–179 ms.
pub const ADDS_PER_COMMIT: usize = 50;

/// Beacon interval floor (protocol.md §2). Shorter costs uplink of everybody; longer shows a lost member later.
pub const BEACON_MS: u64 = 2_000;
/// Added interval per member: keeps the room's total at 25 beacons a second.
pub const BEACON_PER_MEMBER_MS: u64 = 40;
/// Size of a beacon's plaintext in its envelope: one padding step, so that nothing shows in its length.
pub const BEACON_BYTES: usize = 512;
/// Out-of-turn beacons (a raised hand, a camera going on) wait at least this long after the last one.
pub const PROMPT_BEACON_MS: u64 = 250;
/// In calls of up to so many everybody shows themselves to newcomers at once; in larger ones whoever sends something, which the server knows of them anyway, and the others when their turn comes.
/// COST: this number squared of half a kilobyte, twice a second while people arrive. Fewer shows raised hands to newcomers later.
pub const BEACONS_AT_ONCE_UP_TO: usize = 50;
/// Shown as "lost connection" after this silence or four intervals, whichever is longer.
pub const LOST_AFTER_MS: u64 = 10_000;
/// The same for whoever said that their tab is hidden: browsers run it once a minute.
pub const HIDDEN_LOST_AFTER_MS: u64 = 75_000;
/// A warning names whoever is not heard for this long, or for eight intervals, and did not say that their tab is hidden. Shorter warns of phones in
/// lifts; longer lets a server keep people apart unnoticed.
pub const SILENT_ALARM_MS: u64 = 20_000;
/// A word is of this history if its epoch ended less than this ago. Shorter than [`PAST_EPOCH_MS`], so that whoever is kept in the past can still be
/// read as such; longer than lines are slow.
pub const STEP_GRACE_MS: u64 = 5_000;
/// Whoever's words have been of another history for this long is told of. Sooner would warn in waves of arrivals.
pub const APART_AFTER_MS: u64 = 5_000;
/// Members of which one beacon tells what was heard of them. COST: eight bytes each; more would not fit into one padding step ([`BEACON_BYTES`]).
pub const MAX_ECHOES: usize = 24;
/// Words that could not be opened count this long as a sign of another group. Longer than three beacons of the largest call.
pub const UNREADABLE_KEPT_MS: u64 = 30_000;
/// Whoever ordered a removal stops sending when it is not in force after this (design.md §4). Shorter stops on slow lines; longer lets the
/// removed hear more.
pub const REMOVAL_STUCK_MS: u64 = 1_000;
/// The others are warned of it after this: two committers may have to act, and lines are slow.
pub const REMOVAL_STUCK_OTHERS_MS: u64 = 5_000;
/// And of a leaf that is still there so long after its member said goodbye.
pub const FAREWELL_STUCK_MS: u64 = 20_000;
/// "Compare now" holds the number and the door this long: reading twenty digits aloud twice (protocol.md §3).
pub const COMPARE_MS: u64 = 60_000;
/// Without a role nobody asks for another comparison sooner, so that the door is open at least half of the time.
pub const COMPARE_GAP_MS: u64 = 120_000;
/// Between the server's refusal of a microphone seat and the look at its list of tracks, which it sends at most ten times a second.
pub const FLOOR_CHECK_MS: u64 = 2_000;
/// Removed after this silence (protocol.md §2). Shorter throws out phones in tunnels; longer keeps keys with a stolen tab.
pub const REMOVE_AFTER_MS: u64 = 90_000;

/// In calls with more members than seats, a muted microphone's seat is given back after this. Shorter shows the server each pause that somebody
/// makes; longer keeps seats from people who have something to say.
pub const SEAT_KEPT_MS: u64 = 30_000;

/// Shortest distance of two commits by the routine committer: the first acts at once, then two a second.
pub const COMMIT_GAP_MS: u64 = 500;
/// The next in the committers' order acts this much later than the one before.
pub const COMMITTER_STEP_MS: u64 = 750;
/// A rotation is due this long after the last commit with an update path.
pub const ROTATION_MS: u64 = 600_000;
/// A submitted commit that is neither echoed nor refused by then means a broken connection.
pub const COMMIT_ECHO_MS: u64 = 8_000;
/// Longest wait after a lost race for the sequence, chosen at random below it.
pub const COMMIT_RETRY_MS: u64 = 300;

/// A knock that nobody has answered is repeated with a fresh key package.
pub const KNOCK_RETRY_MS: u64 = 3_500;
/// On a line so slow that the answer came after the next knock, so that this member was added twice, each knock waits twice as long, up to this.
pub const KNOCK_RETRY_MAX_MS: u64 = 14_000;
/// A newer card of the same call makes a newcomer knock again, but not sooner than this: lobby keys outlive their epoch.
pub const KNOCK_AGAIN_MS: u64 = 1_500;
/// After so many unanswered knocks a call is taken for dead.
pub const KNOCK_TRIES: u32 = 3;
/// A knock waits this long at the members; it is then forgotten (the newcomer has knocked again long before).
pub const KNOCK_KEPT_MS: u64 = 30_000;
/// Knocks a member keeps at once. Beyond it the newest are dropped: a flood cannot grow memory.
pub const MAX_KNOCKS: usize = 256;
/// Lobby keys of past epochs are kept this long, for knocks on their way (protocol.md §2).
pub const LOBBY_KEY_KEPT_MS: u64 = 30_000;
/// Somebody who was added and not heard within this time (or one and a half beacon intervals) may be added anew when they knock again with the
/// same leaf key: their Welcome was lost. Shorter adds people twice whose first beacon is slow; longer keeps them at the door.
pub const READD_AFTER_MS: u64 = 3_000;
/// Whoever was added and never heard is no company after this long: a newcomer may have been welcomed by two calls and gone into the other.
/// Shorter empties calls of people with slow first beacons; longer leaves a founder alone with a ghost.
pub const NO_COMPANY_AFTER_MS: u64 = 5_000;
/// A member that lost its state waits this long for the card of its call: after a server's restart the others come back within two seconds.
/// Longer keeps whoever was the last one in the call waiting for nobody; shorter gives a place up that others would give back.
pub const PLACE_WAIT_MS: u64 = 2_500;
/// Whoever has asked for their place for so long, in a call that lives, is not known there any more, and asks like everybody else. Shorter gives a place up while all others are asleep
/// for a moment; longer keeps people before a screen that says "reconnecting".
pub const PLACE_GONE_MS: u64 = 60_000;
/// Leaf keys of members that fell silent are remembered this long after their removal (protocol.md §2). Longer lets an older stolen record take a
/// place; shorter makes strangers of people with flat batteries.
pub const REMEMBER_MS: u64 = 900_000;
/// How many of them: a call of the largest size whose every member fell silent once.
pub const MAX_REMEMBERED: usize = MAX_MEMBERS;
/// Leaf keys that went are remembered this long: a knock of theirs can be opened as long as lobby keys are kept, and the epoch that it was sealed to
/// ended before they went. Twice that, so that nothing hangs on a moment.
pub const GONE_KEPT_MS: u64 = 2 * LOBBY_KEY_KEPT_MS;
/// How long to wait for the card of a listed call without one, before founding. After a server's restart its members may speak again after 2 s, and show it then. Shorter begins a second call
/// beside one that lives; longer keeps people before a call whose founder vanished in the moment of founding.
pub const CARD_WAIT_MS: u64 = 3_500;
/// How many show the call card to a server that has none, each 750 ms after the one before: the first may be somebody who is not there.
pub const CARD_BEARERS: usize = 3;
/// The first in the committers' order sends the card again this long after an epoch began, in case its committer vanished.
pub const CARD_REPEAT_MS: u64 = 2_000;
/// The first in the committers' order repeats the card this often. More often costs 2 kB each time; less often leaves people alone for longer in a
/// call that nobody else is in.
pub const CARD_INTERVAL_MS: u64 = 30_000;

/// Silence of senders after an epoch notice whose body has not come: with a removal, and without (protocol.md §2).
pub const HOLD_DROP_MS: u64 = 1_000;
/// See [`HOLD_DROP_MS`].
pub const HOLD_ADD_MS: u64 = 10_000;
/// The old epoch is accepted this long after a commit with a removal, and after one that only adds (protocol.md §3).
pub const OLD_EPOCH_REMOVE_MS: u32 = 2_000;
/// See [`OLD_EPOCH_REMOVE_MS`].
pub const OLD_EPOCH_ADD_MS: u32 = 10_000;
/// Senders wait this long to switch after an Add, so that slower members have the key; not in calls of four or fewer.
pub const SWITCH_AFTER_ADD_MS: u32 = 300;
/// See [`SWITCH_AFTER_ADD_MS`].
pub const SWITCH_AT_ONCE_UP_TO: usize = 4;

/// First wait before the socket is opened again, doubling up to [`RECONNECT_MAX_MS`], with a random share on top.
pub const RECONNECT_MIN_MS: u64 = 200;
/// See [`RECONNECT_MIN_MS`].
pub const RECONNECT_MAX_MS: u64 = 5_000;
/// A connection that has not got through admission by then is closed and opened again.
pub const ADMISSION_MS: u64 = 10_000;
/// Without any call yet joined, give up on an unreachable server after this.
pub const GIVE_UP_MS: u64 = 60_000;
/// A member that was not run for this long (a frozen tab, a sleeping machine) has heard nobody, and holds that against nobody.
pub const FROZEN_MS: u64 = 5_000;
/// Socket pings: every this often, whatever is said, so that they tell nothing of it; their pongs say that lines arrived. COST: two frames of ten bytes. More often
/// shows a line's loss sooner; less often leaves more lines open.
pub const PING_MS: u64 = 2_000;
/// A socket on which nothing at all came in for so long is closed. Shorter closes those of busy servers; longer leaves people alone on a dead line.
pub const SOCKET_SILENT_MS: u64 = 30_000;

/// Lines of one member of which the server has not shown that it dealt with them, and numbers of lines that are remembered of each sender. COST: 256 kB of one's own at worst, half a
/// kilobyte of each other member. In the two seconds between pings the server takes sixty messages at most; fewer would refuse what it takes.
pub const MAX_LINES_OPEN: usize = 64;
/// A line without a pong after this was said into a dead connection, and another is opened. As patient as with commits ([`COMMIT_ECHO_MS`]).
pub const LINE_PONG_MS: u64 = 8_000;
/// After a return lines are said again this much later: others whose connection died in the same moment are back by then. Longer keeps words back.
pub const SAY_AGAIN_MS: u64 = 1_000;
/// So many of them at once, and so many a second later: less than the ten messages a second that the server takes, beacons and all.
pub const LINES_AT_ONCE: usize = 8;
/// Nothing is said again that was written so long ago: the talk has moved on. The writer is told instead.
pub const SAY_AGAIN_UNTIL_MS: u64 = 60_000;

/// Void commits whose sequences are remembered, for members that ask about them: the server takes two a second of each connection, and an answer is
/// asked for at once.
pub const KEPT_VOIDED: usize = 32;
/// Messages of an epoch still to come that are kept until its commit arrives.
pub const MAX_EARLY: usize = 64;
/// A message of a later epoch without its commit by then: this member was left behind, and takes its place back. Also how long a member that
/// could not read a commit waits for the Welcome that it asked for (protocol.md §2).
pub const LEFT_BEHIND_MS: u64 = 3_000;
/// Whoever was not welcomed by then keeps the leaf that it asked with for so long: the others keep a knock for [`KNOCK_KEPT_MS`], and after they have answered nobody but that leaf has the place.
/// Shorter loses the place of somebody on a slow line; longer keeps a key for nothing.
pub const WELCOME_LATE_MS: u64 = 40_000;

/// Attached, and without rights for so long: nobody else is in this member's epoch, and it takes its place back. The server lets a newcomer in within five seconds of a
/// commit, and within eight of its own restart says no by itself; less would give up a place that is about to be confirmed, more keeps somebody mute.
pub const RIGHTS_WAIT_MS: u64 = 12_000;

/// Orders count for this many epochs. Fewer would lose what a moderator decided in a wave of arrivals (two commits a second); more would let a member
/// bring up old decisions for longer.
pub const ORDER_EPOCHS: u64 = 64;
/// The word that somebody is silent counts for this many epochs: for the commit that it was made for, and one that comes before. More would let a member
/// use it against somebody who was heard again.
pub const SILENT_EPOCHS: u64 = 1;
/// Members who must vouch for somebody's silence, or half of those who stay if that is fewer. One alone could throw people out of large calls at will;
/// more than three delay removals, for all of them must have noticed.
pub const VOUCHERS: usize = 3;
/// Whoever is not among the first vouches this much later for each place.
pub const VOUCH_STEP_MS: u64 = 1_000;
/// Orders that a member keeps at once, of all kinds. Beyond it new ones are dropped: it takes a host or moderator to fill it.
pub const MAX_KEPT_ORDERS: usize = 1_024;
/// An order to let somebody in waits this long for their knock to be committed.
pub const ADMIT_KEPT_MS: u64 = 60_000;
/// A refused knock stands on the call card this long. Shorter and the refused may miss it; longer grows the card.
pub const REFUSED_KEPT_MS: u64 = 30_000;
/// Who waits to be let in repeats the same knock this often, for members who came since. COST: 16 kB to everybody each time; half of
/// [`KNOCK_KEPT_MS`] would be safer and twice as dear.
pub const LOBBY_KNOCK_MS: u64 = 20_000;

/// Times that an owner's change of the room is brought to the server, if another change came first or the server is busy.
pub const ERRAND_TRIES: u32 = 5;
/// How long before the next of them. What made the server busy, or was first, is over within a round trip; shorter only asks more often.
pub const ERRAND_AGAIN_MS: u64 = 500;
/// After a change of the link the host waits at most this long for everybody's beacon before the server is told: whoever is cut off in between comes back by the
/// old link. Longer leaves the old link open to strangers for longer; shorter loses people whose beacon is late.
pub const LINK_WAIT_MS: u64 = 10_000;
/// Another host in the call asks the server for the new link this long after the change, and brings it if it is not known there: the one who made it waits
/// [`LINK_WAIT_MS`] and tries [`ERRAND_TRIES`] times. Shorter does the same work twice; longer keeps newcomers out when that one has vanished.
pub const LINK_STAND_BY_MS: u64 = 15_000;
/// A host who makes a link waits this long for the server's record, to sign the next one before the change is in force. The person waits as long; a server that
/// withholds the record keeps nobody from changing the link. Shorter loses the record on slow lines, and with it what outlasts the host.
pub const LINK_SIGN_MS: u64 = 3_000;
/// Whoever is not a host brings the signed record this long after the change: hosts, who need a key with the new link, come first ([`LINK_STAND_BY_MS`]). Shorter
/// does work twice; longer keeps newcomers out when the hosts have vanished.
pub const LINK_CARRY_MS: u64 = 20_000;
/// So many of the committers' order bring it, each [`LINK_CARRY_STEP_MS`] after the one before, because the first may not be there, or be hostile. More only asks
/// in vain more often.
pub const LINK_CARRIERS: usize = 3;
/// See [`LINK_CARRIERS`]. Longer than an answer takes.
pub const LINK_CARRY_STEP_MS: u64 = 5_000;
/// A request without an answer, or refused for now, is made again after this, [`ERRAND_TRIES`] times at most.
pub const LINK_CARRY_AGAIN_MS: u64 = 10_000;
/// Links that an owner's errands remember of those that hosts proposed and that may be the server's though not the call's. More than hosts change at once; each
/// costs a key to be derived when the record is read.
pub const LINKS_PROPOSED: usize = 4;
/// Rules that take more bytes than this are said without the signed record of a new link: with what MLS adds (some 200 bytes) they would be longer than the server
/// takes a message.
pub const MAX_RULES_SAID: usize = conclave_protocol::limits::MAX_MESSAGE - 512;
/// After a change of the link this member's words stay under the old link's outer key for this long: slower members have not seen the commit yet. Longer keeps
/// newcomers by the new link deaf; shorter loses words of those who are quick.
pub const OLD_LINK_SPOKEN_MS: u64 = 1_000;
/// And envelopes under that key are read for this long.
pub const OLD_LINK_READ_MS: u64 = 10_000;

/// Pairs of audio and camera slots (design.md §5).
pub const PAIRS: usize = 8;
