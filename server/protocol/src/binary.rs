//! Reading and writing the fixed binary layouts (link, credentials, signed bytes): big-endian integers and `lp`.
//!
//! Not for CBOR, which `cbor` does. A reader never indexes: what is not there is `None`.

/// Appends `lp(x)` = u8 length ‖ x.
///
/// INVARIANT: callers pass values whose own type bounds them below 256 bytes (server names: 64).
pub(crate) fn put_lp(out: &mut Vec<u8>, x: &[u8]) {
    debug_assert!(x.len() < 256, "lp takes at most 255 bytes");
    out.push(u8::try_from(x.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(x);
}

/// `lp(x)` alone.
pub(crate) fn lp(x: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + x.len());
    put_lp(&mut out, x);
    out
}

/// A cursor over bytes from outside.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(n)?;
        self.rest = tail;
        Some(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn lp(&mut self) -> Option<&'a [u8]> {
        let n = self.u8()?;
        self.take(usize::from(n))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}
