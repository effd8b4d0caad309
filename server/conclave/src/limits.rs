//! Every limit of the daemon itself, in one table.
//!
//! What may be inside a message is limited by `conclave_protocol::limits`, what a connection may do in a room by
//! `conclave-rooms`. Here: sockets, queues and deadlines. Each constant says what larger and smaller would cost.

use std::time::Duration;

/// TCP connections that may be open for handshakes and HTTP at a time; the next one is closed unread. Sockets and TURN have limits
/// of their own, in the configuration.
///
/// A page load takes up to six connections for a second or two, so this is some hundred people arriving together.
/// Larger: more memory for idle strangers (about 30 kB each with TLS). Smaller: a full room arriving at once sees retries, and
/// fewer addresses, each with its own limit, are enough to fill it.
pub const MAX_HTTP_CONNECTIONS: usize = 2_048;

/// Time for the head of a request, and for an idle kept-alive connection to send its next one.
///
/// Slow mobile paths need a second or two. Larger: cheaper slow-loris. Smaller: people behind bad networks fail.
pub const REQUEST_HEAD_DEADLINE: Duration = Duration::from_secs(10);

/// Life of a plain HTTP connection, from accept to close, whatever it does.
///
/// The client is about 1 MB; at 64 kbit/s that takes two minutes. Larger: a slow reader holds a connection longer.
pub const HTTP_CONNECTION_LIFE: Duration = Duration::from_secs(300);

/// Largest head of a request, and the read buffer of a connection. Browsers send 1 kB; hyper's least is 8 kB.
pub const MAX_REQUEST_HEAD: usize = 16 * 1_024;

/// Headers in a request. Browsers send about 20.
pub const MAX_REQUEST_HEADERS: usize = 64;

/// A socket from which nothing came for this long, no pong either, is closed.
///
/// Beacons come every 2 s or more and the ping below every 15 s: three lost in a row. Larger: the dead stay attached
/// longer. Smaller: a phone that changes cells is dropped for nothing.
pub const SOCKET_IDLE: Duration = Duration::from_secs(45);

/// How often an otherwise silent socket is pinged. Middle boxes forget idle TCP after 30 to 60 s.
pub const SOCKET_PING: Duration = Duration::from_secs(15);

/// Time that one message may take to be written. A peer that reads slower than one message in this time is gone.
pub const SOCKET_WRITE_DEADLINE: Duration = Duration::from_secs(20);

/// Time to deliver the last messages and the close frame when a socket is ended from our side.
pub const SOCKET_CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// Time for which a socket that we closed is still read, so that a reset does not overtake the close frame: one long round
/// trip. Larger: strangers keep a place longer. Smaller: people on slow paths see "connection lost" instead of the reason.
pub const SOCKET_DISCARD: Duration = Duration::from_millis(500);

/// Messages that may wait for one socket in the high queue (notices, refusals, chat and beacons of up to 250 members).
///
/// Larger: a slow reader holds more memory. Smaller: a mass join with its burst of envelopes ends slow connections.
pub const HIGH_QUEUE_MESSAGES: usize = 4_096;
/// Bytes that may wait in the high queue: 4 MiB, a thousand beacons with room for large cards. Shared, not copied.
pub const HIGH_QUEUE_BYTES: usize = 4 << 20;
/// Messages that may wait in the low queue (chunks of commits, welcomes, backlog).
pub const LOW_QUEUE_MESSAGES: usize = 4_096;
/// Bytes that may wait in the low queue: the whole kept log (4 MiB) and one large welcome with room to spare.
pub const LOW_QUEUE_BYTES: usize = 12 << 20;

/// Time from accepting a connection to the end of its TLS handshake: two round trips on a bad path. Larger: half-open
/// connections hold their places longer. Smaller: people on satellites fail.
pub const TLS_HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// How often certificate files are looked at. Renewals happen weeks before the old one ends, so a minute would do; it is short
/// so that an operator who replaces a file sees it taken.
pub const CERTIFICATE_LOOK: Duration = Duration::from_secs(10);

/// The longest sleep before the clock is looked at again to see whether a certificate is due.
pub const RENEWAL_LOOK: Duration = Duration::from_secs(3_600);

/// Time for one exchange with an ACME authority. The largest takes seconds; one that validates slowly, a minute or two.
pub const ACME_DEADLINE: Duration = Duration::from_secs(300);

/// Datagrams from all relayed members that may wait for the media loop: it empties them in batches within a millisecond.
pub const RELAY_INPUT_QUEUE: usize = 1_024;

/// Datagrams that may wait for one relayed member: about 70 kB, a quarter of a second at 2 Mbit/s. Larger: on a thin line sound
/// arrives later and later. Smaller: the burst of one keyframe is cut.
pub const RELAY_OUTPUT_QUEUE: usize = 64;

/// Bytes of answers and datagrams that may wait for one relayed member's stream.
pub const RELAY_OUTPUT_BYTES: usize = 256 * 1_024;

/// Unsent bytes that the kernel keeps for a relayed member before it takes more: what waits there can no longer be dropped.
pub const RELAY_UNSENT: u32 = 32 * 1_024;

/// Time for a TURN client to prove itself and have an address. A browser takes two round trips.
pub const RELAY_PROOF_DEADLINE: Duration = Duration::from_secs(10);

/// Challenges and refusals that the whole server sends over UDP, a second, and at most at once.
///
/// The first request of a TURN client proves nothing, so its answer (90 to 150 bytes for 28) may go to a forged address,
/// in a network from which somebody is admitted. 50 are under 60 kbit/s in all. An honest client needs one, and asks again for ten
/// seconds, so 500 people get in who all come at the same moment. Larger: of more use to a forger. Smaller: after a restart of a full server
/// some stay on TCP.
pub const TURN_CHALLENGES: u32 = 50;

/// A TURN client from which nothing came for this long is gone. Browsers check consent every five seconds at most.
pub const RELAY_IDLE: Duration = Duration::from_secs(60);

/// How often a TURN client's lifetimes are looked at.
pub const RELAY_TICK: Duration = Duration::from_secs(5);

/// How often addresses without connections are forgotten; they live 60 s and up to this much longer.
pub const ADDRESS_SWEEP: Duration = Duration::from_secs(5);

/// Inputs that may wait for the control task. Readers wait for room, so this only smooths bursts: 512 frames of at
/// most 64 KiB are 32 MiB at the very worst.
pub const CONTROL_QUEUE: usize = 512;

/// Commands that may wait for the media loop, and results that may wait for the control task.
pub const MEDIA_QUEUE: usize = 1_024;

/// Requests of organisers and owners that may wait for the registry, which writes some hundred a second. Larger: a flood of them is told so later.
/// Smaller: a workshop in which everybody opens a room at once is refused.
pub const REGISTRY_QUEUE: usize = 64;

/// Datagrams read from the media socket before timers and commands get their turn.
///
/// Larger: fewer wake-ups, later timers. 64 datagrams take well under a millisecond.
pub const DATAGRAM_BATCH: usize = 64;

/// Largest datagram looked at. WebRTC keeps below 1,500; the rest of a larger one is cut, and then fails to
/// authenticate.
pub const MAX_DATAGRAM: usize = 2_048;

/// Kernel buffers of the media socket, each way: 200 ms of 160 Mbit/s. The kernel may grant less.
pub const MEDIA_SOCKET_BUFFER: usize = 4 << 20;

/// Connections to the admin socket at a time: the operator's own commands.
pub const MAX_ADMIN_CONNECTIONS: usize = 8;
/// Longest line on the admin socket: a room record is under 8 kB in text.
pub const MAX_ADMIN_LINE: usize = 64 * 1_024;
/// Time for one request on the admin socket, on both sides.
pub const ADMIN_DEADLINE: Duration = Duration::from_secs(10);

/// How often rooms past their last day are deleted. Larger: a room outlives its day by that much.
pub const EXPIRY_SWEEP: Duration = Duration::from_secs(600);

/// Time for the tasks to end after a signal. Systemd's own patience is 90 s.
pub const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);
