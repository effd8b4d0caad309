//! Changing the room's link from inside a call.
//!
//! Does not reach the server. A host's change of the rules raises the generation and carries the new link's secret: the group's context is seen by members
//! alone, all of whom had the old secret, and is signed by the host. From that epoch on the new secret is the pre-shared key of every Add. SPEC:
//! protocol.md §1, "Changing the link".

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error as DecodeError,
    encode::{Error as EncodeError, Write},
};
use openmls::schedule::PreSharedKeyId;

use conclave_protocol::keys::{LinkKeys, LinkSecret};

use super::rules::GroupData;
use super::{Group, Keyring, PolicyFault, demand};
use crate::error::CoreError;

/// The secret of a link that was made in this call. Wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NewSecret(pub(crate) LinkSecret);

impl<C> Encode<C> for NewSecret {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.bytes(self.0.expose())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for NewSecret {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let bytes = d
            .bytes()?
            .try_into()
            .map_err(|_| DecodeError::message("not a secret"))?;
        Ok(Self(LinkSecret::from_bytes(bytes)))
    }
}

impl GroupData {
    /// Whether the link is another one after this.
    pub(crate) fn changes_link(&self, new: &Self) -> bool {
        new.generation != self.generation
    }

    pub(crate) fn generation(&self) -> u16 {
        self.generation
    }

    /// The next link, if it is one: the generation rises by one and brings a secret; else both stay.
    pub(super) fn check_link(&self, new: &Self) -> Result<(), PolicyFault> {
        let stays = new.generation == self.generation && new.link == self.link;
        let next =
            self.generation.checked_add(1) == Some(new.generation) && new.link.is_some() && new.link != self.link;
        demand(PolicyFault::LinkOfGeneration, stays || next) // MEM-075
    }

    /// SECURITY: whom the same commit removes could read the new secret in it, and whom it adds has only the old.
    pub(super) fn check_alone(&self, new: Option<&Self>, others: usize) -> Result<(), PolicyFault> {
        let changed = new.is_some_and(|new| self.changes_link(new));
        demand(PolicyFault::LinkChangeAlone, !changed || others == 0) // MEM-076
    }

    /// Raises the generation. Invites of the old link have ended with it.
    pub(super) fn relink(&mut self, secret: &LinkSecret) {
        self.generation = self.generation.saturating_add(1);
        self.link = Some(NewSecret(secret.clone()));
        self.rules.revoked_invites.clear();
    }
}

impl Group {
    /// After a commit: the new link, if there is one. From here on this member adds by it.
    pub(crate) fn adopt_link(&mut self) -> Result<Option<(u16, LinkSecret)>, CoreError> {
        let data = self.data().ok_or(CoreError::NoGroup)?;
        if data.generation == self.keyring.room.generation {
            return Ok(None);
        }
        let NewSecret(secret) = data.link.ok_or(CoreError::NoGroup)?;
        self.keyring.relink(data.generation, &secret)?;
        Ok(Some((data.generation, secret)))
    }
}

impl Keyring {
    fn relink(&mut self, generation: u16, secret: &LinkSecret) -> Result<(), CoreError> {
        self.room.generation = generation;
        let id = PreSharedKeyId::external(self.room.psk_id(), Vec::new());
        let psk = LinkKeys::derive(secret).psk();
        id.store(&self.provider, psk.expose()).map_err(|_| CoreError::Library)
    }
}

#[cfg(test)]
mod tests {
    use conclave_protocol::credential::Role;
    use conclave_protocol::order::Decision;

    use super::super::attacks::package;
    use super::super::checks::off::stopped_by;
    use super::super::role_attacks::{is_taken, let_in, read, rules_are_taken, two};
    use super::super::tests::{identity, with_role};
    use super::super::{Identity, Plan};
    use super::*;

    fn second_host() -> Identity {
        with_role(identity(2), Role::Host, 2)
    }

    fn secret(n: u8) -> LinkSecret {
        LinkSecret::from_bytes([n; 32])
    }

    #[test]
    fn those_inside_add_by_the_new_link_from_then_on() {
        let (mut a, mut b) = two(true, identity(2));
        let next = a.change_data(&a.data().unwrap(), Some(&secret(7)), None, |_| {});
        let plan = Plan {
            rules: Some(next),
            ..Plan::default()
        };
        let own = a.commit(plan, 1, [9; 24]).unwrap();
        read(&own, &mut b, 1);
        a.merge_own().unwrap();
        for group in [&mut a, &mut b] {
            let adopted = group.adopt_link().unwrap();
            assert!(adopted.is_some_and(|(generation, s)| generation == 1 && s == secret(7)));
            assert!(group.adopt_link().unwrap().is_none(), "adopted twice");
        }
        // By the old link nobody comes in any more: the Welcome is not for their pre-shared key.
        let old = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| let_in(&mut a, &mut [], identity(3))));
        assert!(old.is_err(), "somebody came in by the old link");
    }

    #[test]
    fn mem_075_a_new_link_is_one_generation_on() {
        assert!(rules_are_taken(second_host(), |_, mallory, next| {
            next.relink(&secret(7));
            next.sign(&mallory.identity.key);
        }));
        for change in [
            (|next| next.generation = 1) as fn(&mut GroupData),
            |next| next.link = Some(NewSecret(secret(7))),
            |next| {
                next.relink(&secret(7));
                next.generation = 2;
            },
        ] {
            stopped_by(PolicyFault::LinkOfGeneration, || {
                rules_are_taken(second_host(), |_, mallory, next| {
                    change(next);
                    next.sign(&mallory.identity.key);
                })
            });
        }
        // And a moderator does not change it at all.
        stopped_by(PolicyFault::HostsAlone, || {
            rules_are_taken(with_role(identity(2), Role::Moderator, 2), |_, mallory, next| {
                next.relink(&secret(7));
                next.sign(&mallory.identity.key);
            })
        });
    }

    #[test]
    fn mem_076_nobody_comes_or_goes_with_the_link() {
        stopped_by(PolicyFault::LinkChangeAlone, || {
            let (mut a, mut mallory) = two(true, second_host());
            let next = mallory.change_data(&mallory.data().unwrap(), Some(&secret(7)), None, |_| {});
            let ghost = package(&identity(9));
            let reference = a.keyring.reference(&ghost).unwrap();
            let order = mallory.order(Decision::Admit { package: reference });
            is_taken((&mut a, &mut mallory), vec![ghost], &[], &[order], Some(&next))
        });
    }
}
