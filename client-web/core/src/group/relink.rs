//! Changing the room's link from inside a call.
//!
//! Does not reach the server. A host's change of the rules raises the generation and carries the new link's secret: the group's context is seen by members
//! alone, all of whom had the old secret, and is signed by the host. From that epoch on the new secret is the pre-shared key of every Add. Beside it stands, if
//! the host could make one, the record for the server, signed for whoever may bring it. SPEC: protocol.md §1, "Changing the link".

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error as DecodeError,
    encode::{Error as EncodeError, Write},
};
use openmls::schedule::PreSharedKeyId;

use conclave_protocol::keys::{LinkKeys, LinkSecret};
use conclave_protocol::manage::Replacement;

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

/// A link as its host makes it.
pub(crate) struct NewLink {
    pub(crate) secret: LinkSecret,
    /// The server's record with it.
    pub(crate) replacement: Option<Replacement>,
}

#[cfg(test)]
impl NewLink {
    /// One without a record, from one byte.
    pub(crate) fn bare(n: u8) -> Self {
        Self {
            secret: LinkSecret::from_bytes([n; 32]),
            replacement: None,
        }
    }
}

/// A link that came into force.
pub(crate) struct Adopted {
    pub(crate) generation: u16,
    pub(crate) link: NewLink,
}

impl GroupData {
    /// Whether the link is another one after this.
    pub(crate) fn changes_link(&self, new: &Self) -> bool {
        new.generation != self.generation
    }

    /// The secret of the link, if it was changed in this call.
    pub(crate) fn new_secret(&self) -> Option<&LinkSecret> {
        self.link.as_ref().map(|NewSecret(secret)| secret)
    }

    pub(crate) fn generation(&self) -> u16 {
        self.generation
    }

    /// The next link, if it is one: the generation rises by one and brings a secret, perhaps with a record; else all stays but the record, which goes.
    pub(super) fn check_link(&self, new: &Self) -> Result<(), PolicyFault> {
        let stays = new.generation == self.generation && new.link == self.link && new.replacement.is_none();
        let next =
            self.generation.checked_add(1) == Some(new.generation) && new.link.is_some() && new.link != self.link;
        demand(PolicyFault::LinkOfGeneration, stays || next) // MEM-075
    }

    /// SECURITY: whom the same commit removes could read the new secret in it, and whom it adds has only the old.
    pub(super) fn check_alone(&self, new: Option<&Self>, others: usize) -> Result<(), PolicyFault> {
        let changed = new.is_some_and(|new| self.changes_link(new));
        demand(PolicyFault::LinkChangeAlone, !changed || others == 0) // MEM-076
    }

    /// Whether the record for the server has the size that every record has.
    pub(super) fn replaces_well(&self) -> bool {
        self.replacement.as_ref().is_none_or(Replacement::is_well_formed)
    }

    /// Raises the generation. Invites of the old link have ended with it.
    pub(super) fn relink(&mut self, link: &NewLink) {
        self.generation = self.generation.saturating_add(1);
        self.link = Some(NewSecret(link.secret.clone()));
        self.replacement.clone_from(&link.replacement);
        self.rules.revoked_invites.clear();
    }
}

impl Group {
    /// After a commit: the new link, if there is one. From here on this member adds by it.
    pub(crate) fn adopt_link(&mut self) -> Result<Option<Adopted>, CoreError> {
        let data = self.data().ok_or(CoreError::NoGroup)?;
        if data.generation == self.keyring.room.generation {
            return Ok(None);
        }
        let NewSecret(secret) = data.link.ok_or(CoreError::NoGroup)?;
        self.keyring.relink(data.generation, &secret)?;
        Ok(Some(Adopted {
            generation: data.generation,
            link: NewLink {
                secret,
                replacement: data.replacement,
            },
        }))
    }
}

impl Keyring {
    /// Adds, and is added, by this link from here on.
    pub(crate) fn relink(&mut self, generation: u16, secret: &LinkSecret) -> Result<(), CoreError> {
        self.room.generation = generation;
        let id = PreSharedKeyId::external(self.room.psk_id(), Vec::new());
        let psk = LinkKeys::derive(secret).psk();
        id.store(&self.provider, psk.expose()).map_err(|_| CoreError::Library)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use conclave_protocol::credential::Role;
    use conclave_protocol::ids::RoomId;
    use conclave_protocol::keys::{AdmissionPk, ManagePk};
    use conclave_protocol::limits::SHEET_LEN;
    use conclave_protocol::order::Decision;
    use conclave_protocol::room::{Limits, RoomRecord};

    use super::super::attacks::package;
    use super::super::checks::off::stopped_by;
    use super::super::role_attacks::{is_taken, let_in, name_of, read, rules_are_taken, three, two};
    use super::super::tests::{identity, with_role};
    use super::super::{Identity, Plan};
    use super::*;

    fn second_host() -> Identity {
        with_role(identity(2), Role::Host, 2)
    }

    fn secret(n: u8) -> LinkSecret {
        LinkSecret::from_bytes([n; 32])
    }

    /// A record of the size of all records.
    pub(in crate::group) fn replacement() -> Replacement {
        let record = RoomRecord {
            room_id: RoomId::from_bytes([1; 16]),
            admission_pk: AdmissionPk::from_bytes([2; 32]),
            manage_pk: ManagePk::from_bytes([3; 32]),
            day_made: 1,
            day_expires: 2,
            limits: Limits::default(),
            sheet: vec![4; SHEET_LEN],
        };
        Replacement {
            base: [5; 32],
            record,
            signature: [6; 64],
        }
    }

    #[test]
    fn those_inside_add_by_the_new_link_from_then_on() {
        let (mut a, mut b) = two(true, identity(2));
        let made = NewLink {
            replacement: Some(replacement()),
            ..NewLink::bare(7)
        };
        let next = a.change_data(&a.data().unwrap(), Some(&made), None, |_| {});
        let plan = Plan {
            rules: Some(next),
            ..Plan::default()
        };
        let own = a.commit(plan, 1, [9; 24]).unwrap();
        read(&own, &mut b, 1);
        a.merge_own().unwrap();
        for group in [&mut a, &mut b] {
            let adopted = group.adopt_link().unwrap();
            let adopted = adopted.expect("a new link");
            assert!(adopted.generation == 1 && adopted.link.secret == secret(7));
            assert!(adopted.link.replacement == Some(replacement()));
            assert!(group.adopt_link().unwrap().is_none(), "adopted twice");
        }
        // With the next change of the rules the record goes, and the secret stays.
        let data = a.data().unwrap();
        let later = a.change_rules(&data, |rules| rules.locked = true);
        assert!(a.check_change(&data, &later).is_ok() && later.link == data.link && later.replacement.is_none());
        // By the old link nobody comes in any more: the Welcome is not for their pre-shared key.
        let old = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| let_in(&mut a, &mut [], identity(3))));
        assert!(old.is_err(), "somebody came in by the old link");
    }

    #[test]
    fn mem_075_a_new_link_is_one_generation_on() {
        assert!(rules_are_taken(second_host(), |_, mallory, next| {
            next.relink(&NewLink::bare(7));
            next.sign(&mallory.identity.key);
        }));
        for change in [
            (|next| next.generation = 1) as fn(&mut GroupData),
            |next| next.link = Some(NewSecret(secret(7))),
            |next| next.replacement = Some(replacement()),
            |next| {
                next.relink(&NewLink::bare(7));
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
                next.relink(&NewLink::bare(7));
                next.sign(&mallory.identity.key);
            })
        });
    }

    #[test]
    fn a_record_for_the_server_has_the_size_of_one() {
        let with = |change: fn(&mut Replacement)| {
            rules_are_taken(second_host(), |_, mallory, next| {
                let mut made = replacement();
                change(&mut made);
                next.relink(&NewLink {
                    replacement: Some(made),
                    ..NewLink::bare(7)
                });
                next.sign(&mallory.identity.key);
            })
        };
        assert!(with(|_| {}), "the control");
        for change in [
            (|r| r.record.sheet.push(0)) as fn(&mut Replacement),
            |r| r.record.sheet.truncate(1),
            |r| r.record.day_expires = 0,
        ] {
            stopped_by(PolicyFault::RulesForm, || with(change));
        }
    }

    #[test]
    fn mem_076_nobody_comes_or_goes_with_the_link() {
        stopped_by(PolicyFault::LinkChangeAlone, || {
            let (mut a, mut mallory) = two(true, second_host());
            let next = mallory.change_data(&mallory.data().unwrap(), Some(&NewLink::bare(7)), None, |_| {});
            let ghost = package(&identity(9));
            let reference = a.keyring.reference(&ghost).unwrap();
            let order = mallory.order(Decision::Admit { package: reference });
            is_taken((&mut a, &mut mallory), vec![ghost], &[], &[order], Some(&next))
        });
        stopped_by(PolicyFault::LinkChangeAlone, || {
            let (mut a, mut mallory) = three(second_host(), identity(3));
            let next = mallory.change_data(&mallory.data().unwrap(), Some(&NewLink::bare(7)), None, |_| {});
            let leaf = name_of(&a, 3);
            let order = mallory.order(Decision::Remove { leaf });
            is_taken((&mut a, &mut mallory), Vec::new(), &[3], &[order], Some(&next))
        });
    }
}
