//! Application messages: sealed to the group, authenticated by the sender's leaf.
//!
//! Does not know what they say. A message counts as its *credential's*, which the library verified, never as what its body claims.

use openmls::prelude::ProcessedMessageContent;
use zeroize::Zeroizing;

use conclave_protocol::ids::MemberId;

use super::commit::private_message;
use super::{Group, PolicyFault, credential_id, demand};
use crate::error::CoreError;

/// What an incoming message was.
pub(crate) enum Heard {
    /// Authentic words of a member of that epoch.
    Message {
        /// Whose credential sent it.
        from: MemberId,
        /// The plaintext body.
        body: Zeroizing<Vec<u8>>,
    },
    /// It belongs to an epoch that this member has not reached.
    Early,
}

impl Group {
    /// Seals `body` to everybody in the present epoch.
    pub(crate) fn seal(&mut self, body: &[u8]) -> Result<Vec<u8>, CoreError> {
        let message = self
            .mls
            .create_message(&self.keyring.provider, &self.identity.key, body)
            .map_err(|_| CoreError::Library)?;
        message.to_bytes().map_err(|_| CoreError::Library)
    }

    /// Opens a member's message of this epoch or one of the three before.
    pub(crate) fn open(&mut self, bytes: &[u8]) -> Result<Heard, CoreError> {
        let message = private_message(bytes).ok_or(CoreError::Malformed)?;
        if message.group_id() != self.mls.group_id() {
            return Err(CoreError::Malformed);
        }
        // SECURITY: proposals and commits outside the log are not decrypted: it would spend their keys, and their place in the log would find this
        // member alone unable to read them.
        demand(PolicyFault::HandshakeOutsideLog, !message.is_handshake_message())?; // MEM-025
        if message.epoch() > self.mls.epoch() {
            return Ok(Heard::Early);
        }
        let processed = self
            .mls
            .process_message(&self.keyring.provider, message)
            .map_err(|_| CoreError::NotAuthentic)?;
        let from = credential_id(processed.credential()).ok_or(CoreError::NotAuthentic)?;
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => Ok(Heard::Message {
                from,
                body: Zeroizing::new(message.into_bytes()),
            }),
            _ => Err(CoreError::Malformed),
        }
    }
}
