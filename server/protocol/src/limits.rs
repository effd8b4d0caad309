//! Every size and count that the wire language allows, in one table.
//!
//! Each constant says what it bounds, where the number comes from, and what a larger or smaller one would cost. Limits on *rates* belong to
//! `conclave-rooms`, limits on media to `conclave-sfu`.

/// Longest WebSocket frame in either direction, bytes.
///
/// SPEC: `docs/protocol.md`, section 2. The largest unchunked message is an SDP offer (about 20 kB with 22 sections). Larger frames would let one
/// message hold up the connection's other traffic for longer (64 KiB is half a second at 1 Mbit/s); smaller ones would force SDP into chunks.
pub const MAX_FRAME: usize = 65_536;

/// Bytes of one chunk's data.
///
/// 16 KiB take 130 ms at 1 Mbit/s: the longest that a chat line waits behind a welcome. Half as much doubles the frames of a 1 MiB welcome to 128;
/// twice as much is felt in chat on a phone's uplink.
pub const CHUNK_DATA: usize = 16_384;

/// Longest padded plaintext of an envelope, bytes.
///
/// A welcome with the tree of 250 members under the hybrid suite is about 640 kB, the worst cold removal 365 kB (measured). The next power of two.
pub const MAX_PADDED: usize = 1 << 20;

/// Shortest padded plaintext, bytes: a chat line, a beacon and an Add-only commit for one then have one size each, and most messages share one.
pub const MIN_PADDED: usize = 512;

/// What sealing adds around the padded plaintext: XChaCha20's nonce and Poly1305's tag.
pub const SEAL_OVERHEAD: usize = 24 + 16;

/// Longest body of an envelope before padding, bytes: the padded plaintext less its four length bytes.
pub const MAX_BODY: usize = MAX_PADDED - 4;

/// Longest sealed part of an envelope, bytes.
pub const MAX_SEALED: usize = MAX_PADDED + SEAL_OVERHEAD;

/// Longest clear part of an envelope, bytes: 250 transport ids of 17 bytes in each of two lists, the gate's key and signature, and the fixed fields.
pub const MAX_CLEAR: usize = 8_704;

/// Longest envelope on the wire, bytes: both parts and their CBOR heads.
pub const MAX_ENVELOPE: usize = MAX_CLEAR + MAX_SEALED + 16;

/// Most envelopes in one submission: a commit and its welcomes.
///
/// One welcome serves all who were added by the commit; a second and a few more are slack for a committer that splits them. More would only let a
/// hostile member make the server queue more bytes per submission.
pub const MAX_SUBMISSION: usize = 5;

/// Longest message after its chunks are joined, bytes: a commit and a welcome of full size.
///
/// It bounds what one admitted connection can make the server hold. Half as much would refuse the join of the 250th member.
pub const MAX_ASSEMBLED: usize = 2 * MAX_ENVELOPE + 64;

/// Longest SDP, bytes: twice what both browsers' 22-section offers measured, so that a browser that adds attributes still gets in.
pub const MAX_SDP: usize = 49_152;

/// Longest media id (`a=mid`), bytes. Browsers number from "0"; RFC 9143 asks for three bytes or fewer where the header extension carries it.
pub const MAX_MID: usize = 16;

/// Longest name and password of the relay, bytes: 32 characters are 192 bits; twice that is room for another way of making them.
pub const MAX_RELAY_TEXT: usize = 64;

/// Most slot requests in one message: the 18 receiving slots of the first offer, with room for pages of small pictures.
pub const MAX_SLOTS: usize = 64;

/// Highest layer index that a slot request may name: three spatial times three temporal layers.
pub const MAX_LAYER: u8 = 8;

/// Most members of a call. Beyond it the tree and the join costs of the hybrid suite exceed what a phone should bear (measured at 250 and 1,000).
pub const MAX_MEMBERS: u16 = 250;

/// Most calls in a room at one moment. Founders' races make two for a second or so; a held-open fifth would be somebody misusing the room.
pub const MAX_CALLS: u8 = 4;

/// Microphone seats of a call: slots of the first offer, which all are forwarded to everybody. Each more costs every member 100 kbit/s.
pub const MAX_SEATS: u8 = 8;

/// Kinds of track that one member publishes: microphone, camera, screen, screen sound.
pub const MAX_TRACKS_PER_MEMBER: usize = 4;

/// Most entries of a tracks message: every member with every kind.
pub const MAX_TRACKS: usize = MAX_MEMBERS as usize * MAX_TRACKS_PER_MEMBER;

/// Longest display name, bytes of UTF-8: enough for three words in any script; a longer one would not fit a tile.
pub const MAX_NAME: usize = 64;

/// Longest chat message, bytes of UTF-8: two printed pages' paragraph. With MLS's own bytes it stays inside a padded size of 8 KiB.
pub const MAX_CHAT: usize = 4_000;

/// Longest room title, bytes of UTF-8: one line on a phone in any script, with slack.
pub const MAX_TITLE: usize = 120;

/// Longest server name, bytes: host, colon, port. The link carries up to four of them and must stay short enough to be pasted.
pub const MAX_SERVER_NAME: usize = 64;

/// Most servers that a link may name.
pub const MAX_SERVERS: usize = 4;

/// Bytes of a room sheet, always: the size says nothing about what is in it.
pub const SHEET_LEN: usize = 4_096;

/// Most revoked mandates that a sheet lists. Beyond it the owner raises the minimum serial; 500 five-byte serials fill 2.5 of the sheet's 4 kB.
pub const MAX_REVOKED: usize = 500;

/// Most revoked invites that a sheet, or a call's rules, list. Beyond it the host changes the link, which ends all invites; 128 five-byte serials fit
/// beside 500 mandates and a full title. They stand in every welcome's group context, too.
pub const MAX_REVOKED_INVITES: usize = 128;

/// Longest padded plaintext of a call card. A hybrid HPKE key is 1,216 bytes and the proofs are some hundred; the server keeps one per call and
/// shows all of a room in one frame, so four of them must fit beside the sheet.
pub const MAX_CARD: usize = 8_192;

/// Longest padded plaintext of a knock: a hybrid key package (3 kB) sealed to the card's key. Every member of the call gets it.
pub const MAX_KNOCK: usize = 16_384;

/// Longest padded plaintext of a message. The longest chat line takes 8 KiB; four times that leaves room for what the client adds later. Every
/// member gets it, so a larger limit is an amplifier.
pub const MAX_MESSAGE: usize = 32_768;

/// Highest log sequence that a member may name: the largest whole number that JavaScript holds exactly. At two commits a second it is never reached;
/// without a bound a stranger could push a call's log to where counting overflows.
pub const MAX_SEQ: u64 = (1 << 53) - 1;

/// Moderators that a host can appoint in one call. Each appointment (380 bytes) stands in the group's context, which every newcomer gets; 32 serve 250
/// people. More would make welcomes larger for everybody.
pub const MAX_APPOINTMENTS: usize = 32;

/// Times that an appointed moderator can come back after losing its state and still moderate. Each adds 106 bytes to the group's context; a reloaded tab a
/// quarter of an hour is eight in a long meeting, and a host can appoint again.
pub const MAX_HEIRS: usize = 8;

/// Orders in one commit: one for each of the members that a commit can remove, with three vouchers for each that fell silent. Fewer would split
/// removals after a network's breakdown over several commits; more is work for everybody at a hostile member's wish.
pub const MAX_ORDERS: usize = 750;
