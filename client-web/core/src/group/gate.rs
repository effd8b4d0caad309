//! The gate of an epoch: the key by which its members show a server, which sees no group, that they are in it.
//!
//! Does not say which member it is; all hold the same key. Members hold what a commit's envelope shows the server to what the commit does, so that the server's view
//! follows the group's. SPEC: protocol.md §2, "Gate".

use conclave_protocol::envelope::{ClearPart, Envelope};
use conclave_protocol::gate::verify_commit;
use conclave_protocol::keys::{GatePk, Signer};
use openmls::prelude::{OpenMlsProvider as _, StagedCommit};
use zeroize::Zeroizing;

use super::{Group, PolicyFault, demand, leaf_data, sorted};
use crate::error::CoreError;

const LABEL: &str = "conclave v1 gate";

impl Group {
    /// The key of this epoch.
    pub(crate) fn gate(&self) -> Result<Signer, CoreError> {
        Ok(Signer::from_seed(&*self.export::<32>(LABEL)?))
    }

    /// The gate of the epoch that our own pending commit makes.
    pub(super) fn own_next_gate(&self) -> Result<GatePk, CoreError> {
        let staged = self.mls().pending_commit().ok_or(CoreError::NoGroup)?;
        self.gate_after(staged)
    }

    fn gate_after(&self, staged: &StagedCommit) -> Result<GatePk, CoreError> {
        let crypto = self.keyring.provider.crypto();
        let secret = staged.export_secret(crypto, LABEL, &[], 32);
        let secret = Zeroizing::new(secret.map_err(|_| CoreError::NoGroup)?);
        let seed = Zeroizing::new(<[u8; 32]>::try_from(secret.as_slice()).map_err(|_| CoreError::Library)?);
        Ok(GatePk::from_bytes(Signer::from_seed(&seed).public()))
    }

    /// Whoever sent this commit holds the gate of the epoch that it ends.
    pub(super) fn check_signed(&self, envelope: &Envelope) -> Result<(), PolicyFault> {
        let gate = self.gate().map(|gate| GatePk::from_bytes(gate.public()));
        let signed = gate.is_ok_and(|gate| verify_commit(envelope, &gate).is_ok());
        demand(PolicyFault::GateSignature, signed) // MEM-082
    }

    /// What the envelope showed the server is what the commit does. SECURITY: a server that follows another gate than the group's would lock its members out, and one that
    /// counts tabs which are nobody's would let one member outvote the others.
    pub(super) fn check_shown(&self, staged: &StagedCommit, clear: &ClearPart) -> Result<(), PolicyFault> {
        if !staged.self_removed() {
            let next = self.gate_after(staged).ok();
            demand(PolicyFault::NextGate, next.is_some() && clear.next_gate == next)?; // MEM-080
        }
        let added = staged
            .add_proposals()
            .filter_map(|add| leaf_data(add.add_proposal().key_package().leaf_node()).ok())
            .map(|leaf| leaf.transport_id)
            .collect();
        demand(PolicyFault::ShownAdded, clear.to == sorted(added)) // MEM-081
    }
}
