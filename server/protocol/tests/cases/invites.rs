//! Personal invites.

use conclave_protocol::{
    credential::Role,
    invite::{Grant, InviteLink, InviteProof},
    keys::{InviteSeed, Signer},
    link::GuestLink,
};
use serde_json::{Value, json};

use super::{
    hex,
    links::guest_link,
    roles::{authority, call, leaf},
};

/// The room of the mandates.
pub fn guest() -> GuestLink {
    GuestLink {
        room_fp: authority(Role::Host).1.room(),
        ..guest_link()
    }
}

/// By somebody with this role.
pub fn invite(by: Role) -> InviteLink {
    let (_, _, mandate, key) = authority(by);
    let seed = InviteSeed::from_bytes(super::counting(0xd0));
    InviteLink::grant(&guest(), &mandate, &key, 0x0102_0304, 20_860, seed)
}

/// Shown by the first leaf.
pub fn proof(by: Role) -> InviteProof {
    invite(by).invite.prove(&call(), &leaf(0x10).0)
}

pub fn invites() -> Value {
    let (link, (leaf, _)) = (invite(Role::Host), leaf(0x10));
    let grant = &link.invite.grant;
    let signed = Grant::signed_bytes(
        &grant.mandate.room_fp,
        grant.generation,
        grant.serial,
        grant.not_after_day,
        &grant.pk,
    );
    json!({
        "url": link.to_url("https://meet.example.org").as_str(),
        "guest_url": link.guest.to_url("https://meet.example.org").as_str(),
        "root_pk": hex(authority(Role::Host).1.root_pk.as_bytes()),
        "mandate": hex(grant.mandate.to_bytes()),
        "mandate_seed": hex(super::counting::<32>(0xb0)),
        "generation": grant.generation,
        "serial": grant.serial,
        "not_after_day": grant.not_after_day,
        "invite_seed": hex(link.invite.seed.expose()),
        "invite_pk": hex(Signer::from_seed(link.invite.seed.expose()).public()),
        "signed": hex(signed),
        "call_id": hex(call().as_bytes()),
        "member_id": hex(leaf.member.as_bytes()),
        "leaf_key": hex(leaf.key),
        "proof": hex(proof(Role::Host).to_bytes()),
    })
}
