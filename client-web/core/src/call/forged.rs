//! What must not compile: ways past `group` from where calls are made, and a call card that counts without its signature. See `group::forged`, which says how
//! this is used.

use conclave_protocol::ids::CallId;
use openmls::prelude::KeyPackage;

use super::card::{Card, Said};
use crate::cbor;
use crate::group::{Group, GroupData, Identity, Keyring};

/// Fields that nobody else can fill in.
#[cfg(conclave_forge = "E0451")]
mod private_fields {
    use super::*;

    fn a_card(said: Said) -> Card {
        Card {
            said,    //~ E0451
            rank: 2, //~ E0451
        }
    }

    fn another_call(call: CallId, group: Group) -> Group {
        Group {
            call,    //~ E0451
            ..group  //~ E0451
        }
    }
}

/// Bytes are no card.
#[cfg(conclave_forge = "E0277")]
mod no_way_around {
    use super::*;

    fn reads_unsigned(bytes: &[u8]) -> Option<Card> {
        cbor::decode::<Card>(bytes).ok() //~ E0277
    }
}

/// Commits without what their envelope shows, and those and groups of our own that nothing was held to.
#[cfg(conclave_forge = "E0624")]
mod private_methods {
    use super::*;

    fn reads_half(group: &mut Group, commit: &[u8]) {
        group.read_commit(commit, 0, &[]); //~ E0624
    }

    fn commits_anything(group: &mut Group, adds: Vec<KeyPackage>) {
        let _ = group.build_with(adds, &[], true, None); //~ E0624
    }

    fn founds_anything(keyring: Keyring, identity: Identity, call: CallId, data: &GroupData) {
        let _ = keyring.found_with(identity, call, data); //~ E0624
    }
}
