//! Long messages in pieces, so that chat and acknowledgements are not stuck behind a welcome.
//!
//! Rule of use: everything longer than a chunk goes out through [`split`]; everything that comes in goes through an [`Inbox`], which joins the
//! pieces again and holds at most one unfinished message. A sender therefore finishes one long message before it begins the next; short messages
//! may pass between its pieces.

use crate::{
    error::Error,
    limits::{CHUNK_DATA, MAX_ASSEMBLED, MAX_FRAME},
    message::{ClientMessage, ServerMessage},
};

/// A direction of the socket.
pub trait Direction: Sized {
    /// Reads one message of this direction.
    fn decode(bytes: &[u8]) -> Result<Self, Error>;
    /// The frame of one piece.
    fn piece(id: u32, n: u32, last: bool, data: Vec<u8>) -> Vec<u8>;
    /// Takes a piece apart, or gives back a message that is none.
    fn into_piece(self) -> Result<Piece, Self>;
}

/// One piece of a long message.
pub struct Piece {
    id: u32,
    n: u32,
    last: bool,
    data: Vec<u8>,
}

macro_rules! direction {
    ($message:ident) => {
        impl Direction for $message {
            fn decode(bytes: &[u8]) -> Result<Self, Error> {
                Self::decode(bytes)
            }

            fn piece(id: u32, n: u32, last: bool, data: Vec<u8>) -> Vec<u8> {
                Self::Chunk { id, n, last, data }.encode()
            }

            fn into_piece(self) -> Result<Piece, Self> {
                match self {
                    Self::Chunk { id, n, last, data } => Ok(Piece { id, n, last, data }),
                    other => Err(other),
                }
            }
        }
    };
}

direction!(ServerMessage);
direction!(ClientMessage);

/// The frames of an encoded message: itself if it is no longer than a chunk, otherwise its pieces. `id` differs from the message before.
pub fn split<D: Direction>(encoded: Vec<u8>, id: u32) -> Vec<Vec<u8>> {
    if encoded.len() <= CHUNK_DATA {
        return vec![encoded];
    }
    let pieces = encoded.chunks(CHUNK_DATA);
    let count = pieces.len();
    (0..)
        .zip(1..)
        .zip(pieces)
        .map(|((n, position), data)| D::piece(id, n, position == count, data.to_vec()))
        .collect()
}

/// Joins pieces; bounded to one unfinished message of [`MAX_ASSEMBLED`] bytes.
#[derive(Default)]
pub struct Inbox {
    open: Option<Unfinished>,
}

struct Unfinished {
    id: u32,
    next: u32,
    bytes: Vec<u8>,
}

impl Inbox {
    /// An empty one, for one connection and one direction.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a frame and gives the message that it is or completes. After an error the connection is not usable any more.
    pub fn accept<D: Direction>(&mut self, frame: &[u8]) -> Result<Option<D>, Error> {
        if frame.len() > MAX_FRAME {
            return Err(Error::TooLarge);
        }
        let piece = match D::decode(frame)?.into_piece() {
            Ok(piece) => piece,
            Err(message) => return Ok(Some(message)),
        };
        let Some(whole) = self.join(piece)? else {
            return Ok(None);
        };
        // Pieces of pieces are refused: they would only hide a message's size.
        D::decode(&whole)?.into_piece().err().map(Some).ok_or(Error::Malformed)
    }

    /// Bytes of the unfinished message.
    pub fn held(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.bytes.len())
    }

    fn join(&mut self, piece: Piece) -> Result<Option<Vec<u8>>, Error> {
        let mut open = match self.open.take() {
            None if piece.n == 0 => Unfinished {
                id: piece.id,
                next: 0,
                bytes: Vec::new(),
            },
            Some(open) if open.id == piece.id && open.next == piece.n => open,
            _ => return Err(Error::Malformed),
        };
        // Only the last piece may be short, so the number of pieces, and with it the work, is bounded by the size.
        if piece.data.len() != CHUNK_DATA && !piece.last || piece.data.is_empty() {
            return Err(Error::Malformed);
        }
        if open.bytes.len() + piece.data.len() > MAX_ASSEMBLED {
            return Err(Error::TooLarge);
        }
        open.bytes.extend(piece.data);
        open.next += 1;
        if piece.last {
            return Ok(Some(open.bytes));
        }
        self.open = Some(open);
        Ok(None)
    }
}
