//! What must hold after every step.

use std::collections::BTreeSet;

use conclave_protocol::{
    envelope::{Envelope, EnvelopeType},
    ids::{TrackKind, TransportId},
    message::ServerMessage,
};
use conclave_rooms::ConnId;

use super::Simulation;
use super::common::number;

impl Simulation {
    /// Goes through everything that came out since the last step.
    pub(super) fn check(&mut self) {
        let new: Vec<(ConnId, ServerMessage)> = self.world.log.split_off(self.seen);
        self.world.log.clear();
        self.seen = 0;
        for (conn, message) in &new {
            match message {
                // The answer to an attach: the replay came before it.
                ServerMessage::EnvelopeIn {
                    seq: Some(seq),
                    envelope,
                } => self.check_sequenced(*conn, *seq, envelope),
                ServerMessage::EnvelopeIn { seq: None, envelope } => self.check_unsequenced(*conn, envelope),
                ServerMessage::Tracks { tracks } => {
                    let on = tracks
                        .iter()
                        .filter(|t| t.on && t.track.kind == TrackKind::Microphone)
                        .count();
                    assert!(on <= 8, "too many microphones");
                    let publishers: BTreeSet<TransportId> = tracks.iter().map(|t| t.track.transport).collect();
                    assert!(
                        publishers.iter().all(|p| self.tabs.values().any(|t| t == p)),
                        "a track of nobody"
                    );
                }
                _ => {}
            }
        }
        // Who attached without anything to replay has what it named; who left has nothing.
        if let Some((conn, have_seq)) = self.asked.take() {
            let refused = new
                .iter()
                .any(|(to, m)| *to == conn && matches!(m, ServerMessage::Refused { re: 34, .. }));
            let replayed = new
                .iter()
                .any(|(to, m)| *to == conn && matches!(m, ServerMessage::EnvelopeIn { seq: Some(_), .. }));
            if !refused && !replayed {
                self.have.insert(conn, have_seq);
            }
        }
        self.have.retain(|conn, _| self.world.sockets[conn].media.is_some());
        self.opened.retain(|(conn, _)| self.world.sockets[conn].media.is_none());
    }

    fn check_sequenced(&mut self, conn: ConnId, seq: u64, envelope: &[u8]) {
        let n = number(envelope);
        let kind = Envelope::decode(envelope).unwrap().clear.kind;
        let sent = &self.sent[&n];
        if kind == EnvelopeType::Welcome {
            assert!(sent.to.contains(&self.tabs[&conn]), "a welcome for somebody else");
            if let Some(commit) = sent.commit {
                assert!(
                    self.taken.values().any(|taken| *taken == commit),
                    "a welcome without its commit"
                );
            } else {
                assert!(
                    self.taken.values().any(|taken| self.sent[taken].sender == sent.sender),
                    "a welcome without any commit"
                );
            }
            self.opened.insert((conn, sent.media));
            return;
        }
        assert!(kind == EnvelopeType::Commit, "a sequence on something else");
        let media = self.world.sockets[&conn]
            .media
            .or(sent.media)
            .expect("a commit for somebody in no call");
        let first = *self.taken.entry((media, seq)).or_insert(n);
        assert_eq!(first, n, "two commits under one sequence");
        let before = match self.asked {
            Some((asked, have_seq)) if asked == conn => {
                self.asked = None;
                have_seq
            }
            _ => *self.have.get(&conn).expect("a commit for somebody who is not attached"),
        };
        assert_eq!(seq, before + 1, "a gap or a repetition");
        self.have.insert(conn, seq);
    }

    fn check_unsequenced(&mut self, conn: ConnId, envelope: &[u8]) {
        let sent = &self.sent[&number(envelope)];
        assert!(sent.sender != conn, "back to the sender");
        let media = self.world.sockets[&conn].media;
        match Envelope::decode(envelope).unwrap().clear.kind {
            EnvelopeType::Message => assert!(
                media.is_some() && media == sent.media || self.opened.contains(&(conn, sent.media)),
                "a message into another call"
            ),
            EnvelopeType::Knock => assert!(media.is_some(), "a knock at somebody who is in no call"),
            EnvelopeType::Card => assert!(
                sent.media.is_some() && media != sent.media,
                "a card for somebody inside"
            ),
            EnvelopeType::Commit | EnvelopeType::Welcome => panic!("no sequence on a commit or welcome"),
        }
    }
}
