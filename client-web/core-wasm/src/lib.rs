//! The core in the browser's core worker: one class around [`conclave_core::Member`], and a function that reads links.
//!
//! No logic: it turns JavaScript's values into inputs and outputs into JavaScript's values. Rule of use: take [`Core::poll`] until it gives
//! `undefined` after the constructor and after every call; call `input(now, '{"t":"tick"}')` when [`Core::timeout`] has come. Times are milliseconds of one monotonic
//! clock (`performance.now()`).

mod inputs;
mod names;
mod organise;
mod outputs;
mod owner;

use conclave_core::{CoreError, Input, Member, Options, Owner};
use conclave_protocol::LinkError;
use conclave_protocol::link::Link;
use conclave_protocol::server_name::ServerName;
use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use outputs::set;
use owner::OwnerText;

/// SECURITY: whatever is freed is wiped: keys that a library copied, plaintext, buffers that grew. Costs one pass over each freed block.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

/// Half of the stack that Rust's linker gives a WebAssembly module (1 MiB). Smaller could leave what the deepest computation of the group put there; larger
/// could run out of stack, which is a trap.
const WIPED_STACK: usize = 512 << 10;

/// SECURITY: wipes what earlier calls left on the stack, copies of keys among it. To be called from JavaScript's own top, when a [`Core`] was freed.
#[wasm_bindgen(js_name = wipeStack)]
pub fn wipe_stack() {
    // The frame of this function begins where those of the calls before it began.
    std::hint::black_box(&mut [0_u8; WIPED_STACK]);
}

/// One member of a call.
#[wasm_bindgen]
pub struct Core {
    member: Member,
}

#[wasm_bindgen]
impl Core {
    /// `codecs`: bit 0 VP8, bit 1 VP9, bit 2 AV1. `seed`: 32 fresh random bytes. `place`: the record of a tab that is gone.
    /// `link`: a guest link or a personal invite. `owner`: the text of an owner's working key or of the deed, if the person gave one, and `today` in days since 1970-01-01 (without it mandates do not end by day). Throws a code: one of [`parse_link`]'s,
    /// `server`, `name`, `owner` or `internal`.
    #[wasm_bindgen(constructor)]
    #[expect(
        clippy::too_many_arguments,
        reason = "JavaScript calls it, once; an object would only move the names"
    )]
    pub fn new(
        link: &str,
        server: &str,
        name: &str,
        codecs: u8,
        seed: &[u8],
        place: Option<Vec<u8>>,
        owner: Option<String>,
        today: Option<u16>,
    ) -> Result<Core, JsValue> {
        let owner = owner.map(Zeroizing::new);
        let owner = owner.as_ref().map(|text| OwnerText::parse(text)).transpose();
        let owner = owner.map_err(|_| JsValue::from_str("owner"))?;
        let place = place.map(Zeroizing::new);
        let (link, invite) = match Link::parse(link) {
            Ok(Link::Guest(link)) => (link, None),
            Ok(Link::Invite(link)) => (link.guest, Some(link.invite)),
            Ok(Link::Ticket(_)) => return Err(JsValue::from_str(names::link(LinkError::OtherKind))),
            Err(e) => return Err(JsValue::from_str(names::link(e))),
        };
        let server = ServerName::parse(server).map_err(|_| JsValue::from_str("server"))?;
        let seed: [u8; 32] = seed.try_into().map_err(|_| JsValue::from_str("internal"))?;
        if owner.as_ref().is_some_and(|owner| owner.room() != link.room_fp) {
            return Err(JsValue::from_str("owner"));
        }
        let options = Options {
            seed,
            owner: owner.as_ref().map(|owner| Owner {
                key: owner.key(),
                today: today.unwrap_or_default(),
            }),
            invite: invite.as_ref(),
            place: place.as_ref().map(|place| place.as_slice()),
        };
        let member = Member::new(&link, &server, name, codecs, &options).map_err(|e| {
            JsValue::from_str(if e == CoreError::NameUnusable {
                "name"
            } else {
                "internal"
            })
        })?;
        Ok(Core { member })
    }

    /// Something happened, as JSON; see `inputs`. Throws on what is none.
    pub fn input(&mut self, now_ms: f64, json: &str) -> Result<(), JsValue> {
        let input = inputs::read(json).ok_or_else(|| JsValue::from_str("input"))?;
        self.member.handle(millis(now_ms), input);
        Ok(())
    }

    /// A binary frame came from the socket.
    #[wasm_bindgen(js_name = socketFrame)]
    pub fn socket_frame(&mut self, now_ms: f64, bytes: &[u8]) {
        self.member.handle(millis(now_ms), Input::SocketFrame(bytes));
    }

    /// The next thing to do: an object with `t`, or `undefined`.
    pub fn poll(&mut self) -> JsValue {
        self.member.poll_output().map_or(JsValue::UNDEFINED, outputs::write)
    }

    /// When to give the input `tick`, if nothing else comes before.
    pub fn timeout(&self) -> Option<f64> {
        // Exact below 2^53 ms.
        self.member.poll_timeout().map(|ms| ms as f64)
    }
}

/// What a pasted or opened text is: `{ok: true, kind: 'guest' | 'ticket', servers, operatorKeys}` (and `invite`, `notAfterDay` where it is for one person) or `{ok: false, code}`.
#[wasm_bindgen(js_name = parseLink)]
pub fn parse_link(text: &str) -> JsValue {
    let out = Object::new();
    match Link::parse(text) {
        Ok(Link::Guest(link)) => {
            let servers: Array = link.servers.iter().map(|s| JsValue::from_str(s.as_str())).collect();
            set(&out, "ok", true);
            set(&out, "kind", "guest");
            set(&out, "servers", servers);
            set(&out, "operatorKeys", link.flags.operator_keys());
        }
        // To be used like a guest link.
        Ok(Link::Invite(link)) => {
            let guest = &link.guest;
            let servers: Array = guest.servers.iter().map(|s| JsValue::from_str(s.as_str())).collect();
            set(&out, "ok", true);
            set(&out, "kind", "guest");
            set(&out, "servers", servers);
            set(&out, "operatorKeys", guest.flags.operator_keys());
            set(&out, "invite", link.invite.grant.serial);
            set(&out, "notAfterDay", link.invite.grant.not_after_day);
        }
        Ok(Link::Ticket(link)) => {
            set(&out, "ok", true);
            set(&out, "kind", "ticket");
            set(&out, "servers", Array::of1(&JsValue::from_str(link.server.as_str())));
            set(&out, "operatorKeys", false);
        }
        Err(e) => {
            set(&out, "ok", false);
            set(&out, "code", names::link(e));
        }
    }
    out.into()
}

/// JavaScript's clock as whole milliseconds; what is not a time counts as the beginning.
fn millis(now_ms: f64) -> u64 {
    // A cast saturates: negative and not-a-number become 0.
    now_ms as u64
}
