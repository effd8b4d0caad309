//! What must not compile: a group, a commit or an order that counts without its checks. Each marked line fails with the error that it names, and nothing else
//! in this file does.
//!
//! Compiled by the step `forged` of the tests alone, once for each kind of error. It stands beside those who make the proofs, where more is allowed than
//! anywhere else in the crate. Does not stand for `Group` itself: whoever is inside `group` can make one, which is why the library's state of a
//! Welcome does not leave `welcome` unchecked.

use openmls::prelude::StagedCommit;

use super::commit::{Incoming, Merged};
use super::orders::Mandated;
use super::policy::CommitVerified;
use super::welcome::WelcomeVerified;
use super::*;

/// Fields that nobody else can fill in.
#[cfg(conclave_forge = "E0451")]
mod private_fields {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn a_commit(staged: Box<StagedCommit>, merged: Merged) -> CommitVerified {
        CommitVerified {
            staged, //~ E0451
            merged, //~ E0451
        }
    }

    fn a_welcome(mls: MlsGroup) -> WelcomeVerified {
        WelcomeVerified {
            0: mls, //~ E0451
        }
    }

    fn a_mandate(admitted: BTreeSet<[u8; 32]>) -> Mandated {
        Mandated {
            admitted,                 //~ E0451
            removed: BTreeSet::new(), //~ E0451
            left: BTreeSet::new(),    //~ E0451
            silent: BTreeMap::new(),  //~ E0451
        }
    }
}

/// What stands for a proof is none.
#[cfg(conclave_forge = "E0308")]
mod other_types {
    use super::*;

    fn merges_unchecked(group: &mut Group, staged: StagedCommit) {
        let _ = group.merge(staged); //~ E0308
    }

    fn calls_it_valid(staged: StagedCommit) -> Incoming {
        Incoming::Valid(Box::new(staged)) //~ E0308
    }

    fn adds_unordered(group: &Group, data: &GroupData, orders: &[conclave_protocol::order::Order]) {
        super::super::policy::Newcomers::beside(group, &[], data, orders); //~ E0308
    }
}

/// The state that a Welcome brings, before it was judged.
#[cfg(conclave_forge = "E0603")]
mod private_functions {
    use super::super::welcome::check_tree; //~ E0603
    use super::super::welcome::stage as staged_unchecked; //~ E0603
}

/// Nor can a proof be had twice.
#[cfg(conclave_forge = "E0277")]
mod no_copies {
    use super::*;

    fn copy<T: Clone>(_: &T) {}

    fn twice(commit: &CommitVerified, welcome: &WelcomeVerified, orders: &Mandated) {
        copy(commit); //~ E0277
        copy(welcome); //~ E0277
        copy(orders); //~ E0277
    }
}
