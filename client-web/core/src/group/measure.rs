//! The steps of a group's life one by one, for `./x bench membership`: what building, reading and joining cost at a given size.
//!
//! In no product: only tests and the bench's own crate switch it on (feature `measure`). It keeps no time, as nothing here does; whoever calls a
//! step measures it. Everything goes through the same functions as in a call, with every check on.

use openmls::prelude::KeyPackage;

use conclave_protocol::credential::{Mandate, Role};
use conclave_protocol::ids::{CallId, MemberId, RoomFp, TransportId};
use conclave_protocol::keys::{AdmissionPk, ManagePk, MandatePk, MandateSeed, Psk, RootKeys, RootSeed, Signer};
use conclave_protocol::order::Decision;
use conclave_protocol::room::Limits;
use conclave_protocol::server_name::ServerName;
use conclave_protocol::sheet::{Found, Rules, Sheet, SignedRecord};

use super::{Group, Identity, Incoming, Keyring, LeafData, LeafKey, Plan, RoleKey, RoomBinding};
use crate::error::CoreError;
use crate::limits;

/// The day of everything here, and the last one of the room.
const TODAY: u16 = 20_000;
const LAST_DAY: u16 = 20_100;

/// The link's secret of everything here, and the nonce of sealed orders: nobody else has anything to do with this group.
const SECRET: [u8; 32] = [1; 32];
const NONCE: [u8; 24] = [9; 24];

/// A call as the bench needs it: a host who commits, one member who reads along, and leaves whose owners do nothing.
pub struct Crowd {
    root: RootKeys,
    host: Group,
    reader: Option<Group>,
    /// Others who can still commit.
    awake: Vec<Group>,
    seq: u64,
    made: u16,
}

/// Of so many neighbours in the tree one stays awake.
const NEIGHBOURS: usize = 8;

/// People at the door, with their keys.
pub struct Newcomers(Vec<(Keyring, Identity, KeyPackage)>);

/// A commit on its way.
pub struct Submission {
    commit: Vec<u8>,
    welcome: Option<Vec<u8>>,
    drop: Vec<TransportId>,
}

impl Submission {
    /// Bytes of the commit.
    #[must_use]
    pub fn commit_bytes(&self) -> usize {
        self.commit.len()
    }

    /// Bytes of the Welcome that all newcomers of the commit share, with the tree in it.
    #[must_use]
    pub fn welcome_bytes(&self) -> usize {
        self.welcome.as_ref().map_or(0, Vec::len)
    }
}

impl Crowd {
    /// A host and one member.
    ///
    /// # Errors
    /// If the library fails.
    pub fn new() -> Result<Self, CoreError> {
        let root = RootKeys::derive(&RootSeed::from_bytes([0xA0; 32]));
        let mut identity = member(1);
        identity.role = Some(host_key(&root));
        let host = keyring(&root)?.found(identity, call())?;
        let mut crowd = Self {
            root,
            host,
            reader: None,
            awake: Vec::new(),
            seq: 0,
            made: 1,
        };
        let mut first = crowd.newcomers(1)?;
        let submission = crowd.build_adds(&first)?;
        crowd.reader = Some(crowd.join(&mut first, &submission)?);
        crowd.echo()?;
        Ok(crowd)
    }

    /// How many members there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.host.size()
    }

    /// How many members sit in parts of the tree to which a path is sealed at many keys.
    #[must_use]
    pub fn cold_leaves(&self) -> usize {
        self.host.cold_blocks().concat().len()
    }

    /// Makes keys for people at the door, as each does on a machine of its own.
    ///
    /// # Errors
    /// If the library fails.
    pub fn newcomers(&mut self, count: usize) -> Result<Newcomers, CoreError> {
        let mut all = Vec::new();
        for _ in 0..count {
            self.made += 1;
            let (ring, mut identity) = (keyring(&self.root)?, member(self.made));
            let package = ring.key_package(&mut identity, call())?;
            let (package, _) = self.host.keyring().read_key_package(&package)?;
            all.push((ring, identity, package));
        }
        Ok(Newcomers(all))
    }

    /// The host builds a commit that adds them all.
    ///
    /// # Errors
    /// If the library fails, or there are more than fit.
    pub fn build_adds(&mut self, newcomers: &Newcomers) -> Result<Submission, CoreError> {
        let adds = newcomers.0.iter().map(|(.., package)| package.clone()).collect();
        self.build(Plan {
            adds,
            ..Plan::default()
        })
    }

    /// Lets so many people in as one commit adds; one in eight of them stays awake, and can warm the tree.
    ///
    /// # Errors
    /// If the library fails, or there are more than fit.
    pub fn admit(&mut self, count: usize) -> Result<(), CoreError> {
        let mut newcomers = self.newcomers(count)?;
        let added = self.build_adds(&newcomers)?;
        self.read(&added)?;
        for group in &mut self.awake {
            follow(group, &added, self.seq)?;
        }
        // Newcomers take leaves in their order, from the left.
        let first = self.size();
        newcomers.0.reverse();
        for leaf in first..first + count {
            if leaf.is_multiple_of(NEIGHBOURS) {
                let group = self.join(&mut newcomers, &added)?;
                self.awake.push(group);
            } else {
                newcomers.0.pop();
            }
        }
        self.echo()
    }

    /// Those who are awake renew their keys one after the other, as in a call that has had its time; then they sleep, too.
    ///
    /// # Errors
    /// If a check refuses one of the commits.
    pub fn warm(&mut self) -> Result<(), CoreError> {
        let mut awake = std::mem::take(&mut self.awake);
        while let Some(block) = self.host.cold_blocks().first() {
            let place = awake.iter().position(|group| block.contains(&group.own_leaf()));
            let mut committer = awake.swap_remove(place.ok_or(CoreError::NoGroup)?);
            let own = committer.commit(Plan::default(), self.seq, NONCE)?;
            let submission = Submission {
                commit: own.commit,
                welcome: None,
                drop: own.drop,
            };
            for group in awake.iter_mut().chain([&mut self.host]).chain(&mut self.reader) {
                follow(group, &submission, self.seq)?;
            }
            self.seq += 1;
        }
        Ok(())
    }

    /// The host builds a commit that removes the newest leaf, by order.
    ///
    /// # Errors
    /// If the library fails, or nobody is left to remove.
    pub fn build_removal(&mut self) -> Result<Submission, CoreError> {
        let live: Vec<u32> = self
            .awake
            .iter()
            .chain([&self.host])
            .chain(&self.reader)
            .map(Group::own_leaf)
            .collect();
        let leaves = self.host.leaves();
        let newest = leaves
            .iter()
            .filter(|leaf| !live.contains(&leaf.index))
            .max_by_key(|leaf| leaf.index);
        let newest = newest.ok_or(CoreError::NoGroup)?;
        let order = self.host.order(Decision::Remove { leaf: newest.name() });
        self.build(Plan {
            removes: vec![newest.index],
            orders: vec![order],
            ..Plan::default()
        })
    }

    fn build(&mut self, plan: Plan) -> Result<Submission, CoreError> {
        let own = self.host.commit(plan, self.seq, NONCE)?;
        Ok(Submission {
            commit: own.commit,
            welcome: own.welcome,
            drop: own.drop,
        })
    }

    /// The reader reads a commit, checks it and moves to its epoch.
    ///
    /// # Errors
    /// If a check refuses it.
    pub fn read(&mut self, submission: &Submission) -> Result<(), CoreError> {
        follow(self.reader.as_mut().ok_or(CoreError::NoGroup)?, submission, self.seq)
    }

    /// The server has taken the host's commit.
    ///
    /// # Errors
    /// If there is none.
    pub fn echo(&mut self) -> Result<(), CoreError> {
        self.host.merge_own()?;
        self.seq += 1;
        self.host.forget_past(limits::PAST_EPOCHS)?;
        Ok(())
    }

    /// Forgets the commit that was built last: the group stays as it was.
    ///
    /// # Errors
    /// If the library fails.
    pub fn discard(&mut self) -> Result<(), CoreError> {
        self.host.discard_own()
    }

    /// One of the newcomers reads the Welcome and checks all leaves.
    ///
    /// # Errors
    /// If a check refuses it, or nobody is left.
    pub fn welcome(&self, newcomers: &mut Newcomers, submission: &Submission) -> Result<(), CoreError> {
        self.join(newcomers, submission).map(drop)
    }

    fn join(&self, newcomers: &mut Newcomers, submission: &Submission) -> Result<Group, CoreError> {
        let (ring, identity, _) = newcomers.0.pop().ok_or(CoreError::NoGroup)?;
        let welcome = submission.welcome.as_deref().ok_or(CoreError::NoGroup)?;
        ring.join(identity, call(), welcome).map_err(|back| back.2)
    }
}

/// Reads a commit of somebody else's, checks it and moves to its epoch.
fn follow(group: &mut Group, submission: &Submission, seq: u64) -> Result<(), CoreError> {
    match group.read_commit(&submission.commit, seq, &submission.drop) {
        Incoming::Valid(verified) => group.merge(*verified).map(drop),
        Incoming::Void | Incoming::OnlyForOthers => Err(CoreError::NotAuthentic),
    }
}

fn call() -> CallId {
    CallId::from_bytes([7; 16])
}

fn keyring(root: &RootKeys) -> Result<Keyring, CoreError> {
    let record = SignedRecord {
        server: ServerName::parse("localhost:8443").map_err(|_| CoreError::Malformed)?,
        admission_pk: AdmissionPk::from_bytes([1; 32]),
        manage_pk: ManagePk::from_bytes([2; 32]),
        day_made: TODAY,
        day_expires: LAST_DAY,
        limits: Limits::default(),
    };
    let rules = Rules {
        found: Found::Anyone,
        lobby: false,
    };
    let sheet = Sheet::new(String::new(), rules, root.root_pk(), record).map_err(|_| CoreError::Malformed)?;
    let room = RoomBinding {
        room_fp: RoomFp::of(&root.root_pk()),
        generation: 0,
        sheet: Some(sheet),
    };
    Keyring::new(room, &Psk::from_bytes(SECRET))
}

fn host_key(root: &RootKeys) -> RoleKey {
    let seed = MandateSeed::from_bytes([1; 32]);
    let pk = MandatePk::from_bytes(Signer::from_seed(seed.expose()).public());
    let mandate = Mandate::sign(&root.sign(), RoomFp::of(&root.root_pk()), Role::Host, 1, LAST_DAY, pk);
    RoleKey {
        mandate,
        seed,
        today: TODAY,
    }
}

fn member(n: u16) -> Identity {
    let fill = |kind: u8| {
        let mut bytes = [kind; 16];
        if let Some(start) = bytes.first_chunk_mut() {
            *start = n.to_be_bytes();
        }
        bytes
    };
    let mut seed = [3; 32];
    if let Some(start) = seed.first_chunk_mut() {
        *start = n.to_be_bytes();
    }
    let (member, transport) = (MemberId::from_bytes(fill(1)), TransportId::from_bytes(fill(2)));
    let data = LeafData::plain(member, transport, format!("member {n}"), 0b11);
    Identity::plain(LeafKey::from_seed(&seed), data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measured_steps_are_those_of_a_call() {
        let mut crowd = Crowd::new().unwrap();
        let mut newcomers = crowd.newcomers(3).unwrap();
        let added = crowd.build_adds(&newcomers).unwrap();
        crowd.welcome(&mut newcomers, &added).unwrap();
        crowd.read(&added).unwrap();
        crowd.echo().unwrap();
        assert_eq!(crowd.size(), 5);
        assert!(added.commit_bytes() > 0 && added.welcome_bytes() > added.commit_bytes());
        let removed = crowd.build_removal().unwrap();
        crowd.read(&removed).unwrap();
        crowd.echo().unwrap();
        assert_eq!((crowd.size(), removed.welcome_bytes()), (4, 0));
    }
}
