//! What members ask for: joining, offers, what they publish and what they want to see.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::api::{CallKey, Output, PeerId, TrackId, TrackKind};
use crate::error::OfferFault;
use crate::peer::Peer;
use crate::publisher::Publisher;
use crate::sdp::offer::{MAX_MID, Offer};
use crate::sdp::{answer, common_codec, has_codec, offer};
use crate::sfu::Sfu;
use crate::subscriber::Subscriber;
use crate::transport::Transport;
use crate::transport::ice::Credentials;

/// Slots named in one request: more than an offer may have.
const MAX_SLOTS: usize = 128;

impl Sfu {
    pub(crate) fn handle_join(&mut self, now: Instant, peer: PeerId, call: CallKey, transport: [u8; 16]) {
        if let Some(member) = self.peers.get(&peer) {
            if member.call == call && member.transport_id == transport {
                return;
            }
            self.handle_leave(now, peer);
        }
        let publisher = self.new_publisher(now);
        let session = (self.entropy.u64(), 0);
        let member = Peer {
            call,
            transport_id: transport,
            path: None,
            publisher,
            subscriber: Subscriber::new(),
            session,
        };
        self.peers.insert(peer, member);
        self.calls.entry(call).or_default().members.insert(peer);
    }

    fn new_publisher(&mut self, now: Instant) -> Publisher {
        self.instances = self.instances.wrapping_add(1);
        Publisher::new(now, self.entropy.u32(), self.instances)
    }

    pub(crate) fn handle_leave(&mut self, now: Instant, peer: PeerId) {
        let Some(member) = self.peers.remove(&peer) else { return };
        self.demux.remove_peer(peer);
        let Some(call) = self.calls.get_mut(&member.call) else {
            return;
        };
        call.members.remove(&peer);
        call.remove_routes_of(peer);
        let tracks = call.tracks_of(peer);
        for track in &tracks {
            call.remove_source(track, peer);
        }
        if call.members.is_empty() {
            self.calls.remove(&member.call);
            return;
        }
        for track in &tracks {
            self.repoint(now, member.call, track);
        }
    }

    pub(crate) fn handle_offer(&mut self, now: Instant, peer: PeerId, sdp: &str) {
        let output = match self.accept_offer(now, peer, sdp) {
            Ok(sdp) => Output::Answer { peer, sdp },
            Err(reason) => Output::OfferRefused { peer, reason },
        };
        self.output(output);
        self.settle(now, peer);
    }

    fn accept_offer(&mut self, now: Instant, peer: PeerId, sdp: &str) -> Result<String, OfferFault> {
        if !self.peers.contains_key(&peer) {
            return Err(OfferFault::NotJoined);
        }
        let offer = offer::parse(sdp)?;
        self.adopt_path(now, peer, &offer);
        let Some(member) = self.peers.get_mut(&peer) else {
            return Err(OfferFault::NotJoined);
        };
        member.publisher.negotiate(&offer.send_lines());
        member.subscriber.negotiate(&offer.slot_lines(), &mut self.entropy);
        member.session.1 += 1;
        let Some(path) = &member.path else {
            return Err(OfferFault::NoIce);
        };
        let parts = answer::Parts {
            session_id: member.session.0,
            version: member.session.1,
            local: path.ice.local(),
            fingerprint: self.identity.fingerprint(),
            candidates: &self.candidates,
            slots: &member.subscriber.slots,
        };
        let text = answer::write(&offer, &parts);
        self.restore_routes(now, peer);
        self.refresh_sources(now, peer);
        Ok(text)
    }

    /// The same certificate goes on with the same association; new ICE credentials restart ICE only. Another certificate is another
    /// browser connection: everything that hangs on keys begins anew, what was published and wanted stays.
    fn adopt_path(&mut self, now: Instant, peer: PeerId, offer: &Offer) {
        let Some(member) = self.peers.get_mut(&peer) else {
            return;
        };
        if let Some(path) = member.path.as_mut().filter(|path| path.continues(&offer.fingerprint)) {
            if path.ice.remote_ufrag() != offer.ufrag {
                let local = Credentials::new(&mut self.entropy);
                self.demux.add_ufrag(&local.ufrag, peer);
                if let Some(lapsed) = path.ice.restart(now, local, &offer.ufrag) {
                    self.demux.remove_ufrag(&lapsed);
                }
            }
            return;
        }
        let local = Credentials::new(&mut self.entropy);
        self.demux.remove_peer(peer);
        self.demux.add_ufrag(&local.ufrag, peer);
        let mut publisher = self.new_publisher(now);
        let Some(member) = self.peers.get_mut(&peer) else {
            return;
        };
        publisher.restore_roles(member.publisher.take_roles());
        member.publisher = publisher;
        // INVARIANT: new keys, new SSRCs. An old slot's index may be past its first wrap, which a new receiver cannot know.
        member.subscriber = member.subscriber.successor();
        member.path = Some(Transport::new(&self.identity, local, &offer.ufrag, offer.fingerprint));
    }

    /// Slots may have changed places: files this member's routes anew.
    fn restore_routes(&mut self, now: Instant, peer: PeerId) {
        let Some(member) = self.peers.get_mut(&peer) else {
            return;
        };
        member.subscriber.restore_wishes();
        let count = member.subscriber.slots.len();
        if let Some(call) = self.calls.get_mut(&member.call) {
            call.remove_routes_of(peer);
            for (at, slot) in member.subscriber.slots.iter().enumerate() {
                if let Some(track) = slot.assigned {
                    call.add_route(track, (peer, at));
                }
            }
        }
        for at in 0..count {
            self.point(now, peer, at, false);
        }
    }

    pub(crate) fn handle_publish(&mut self, now: Instant, peer: PeerId, mid: &str, kind: TrackKind, on: bool) {
        let Some(member) = self.peers.get_mut(&peer).filter(|_| mid.len() <= MAX_MID) else {
            return;
        };
        if on {
            member.publisher.set_role(mid, kind);
        } else {
            member.publisher.clear_role(mid);
        }
        self.refresh_sources(now, peer);
    }

    pub(crate) fn handle_silence(&mut self, now: Instant, peer: PeerId) {
        let Some(member) = self.peers.get_mut(&peer) else {
            return;
        };
        drop(member.publisher.take_roles());
        member.subscriber.forget_wishes();
        let count = member.subscriber.slots.len();
        self.refresh_sources(now, peer);
        for at in 0..count {
            self.point(now, peer, at, false);
        }
    }

    /// Brings the call's list of tracks in line with what a member declares, and slots with the list.
    fn refresh_sources(&mut self, now: Instant, peer: PeerId) {
        let Some(member) = self.peers.get(&peer) else { return };
        let (key, transport) = (member.call, member.transport_id);
        let published: BTreeSet<TrackId> = member
            .publisher
            .published()
            .map(|kind| TrackId { transport, kind })
            .collect();
        let Some(call) = self.calls.get_mut(&key) else { return };
        let before = call.tracks_of(peer);
        for track in before.difference(&published) {
            call.remove_source(track, peer);
        }
        for track in published.difference(&before) {
            call.add_source(*track, peer);
        }
        let changed: Vec<TrackId> = before.symmetric_difference(&published).copied().collect();
        for track in changed {
            self.repoint(now, key, &track);
        }
    }

    pub(crate) fn handle_slots(&mut self, now: Instant, peer: PeerId, slots: &[(String, Option<TrackId>, u8)]) {
        for (mid, track, _layer) in slots.iter().take(MAX_SLOTS) {
            let Some(member) = self.peers.get_mut(&peer) else {
                return;
            };
            match member.subscriber.slot_of_mid(mid) {
                Some(at) => {
                    if let Some(slot) = member.subscriber.slots.get_mut(at) {
                        slot.wanted = *track;
                    }
                    self.point(now, peer, at, true);
                }
                None => self.output(Output::Assigned {
                    peer,
                    mid: mid.clone(),
                    track: None,
                }),
            }
        }
    }

    /// A track came, went or changed its codec: looks again at every slot that wants it.
    pub(crate) fn repoint(&mut self, now: Instant, call: CallKey, track: &TrackId) {
        let Some(call) = self.calls.get(&call) else { return };
        let members = call
            .members
            .iter()
            .filter_map(|peer| Some((*peer, self.peers.get(peer)?)));
        let wanting: Vec<(PeerId, usize)> = members
            .flat_map(|(peer, member)| {
                let slots = member.subscriber.slots.iter().enumerate();
                slots
                    .filter(|(_, slot)| slot.wanted == Some(*track))
                    .map(move |(at, _)| (peer, at))
            })
            .collect();
        for (peer, at) in wanting {
            self.point(now, peer, at, false);
        }
    }

    /// Points a slot at what it wants, if that can be shown, and tells the member if that is news or `announce` is set.
    fn point(&mut self, now: Instant, peer: PeerId, at: usize, announce: bool) {
        let target = self.showable(peer, at);
        let Some(member) = self.peers.get_mut(&peer) else {
            return;
        };
        let key = member.call;
        let reachable = member.can_receive();
        let (Some(call), Some(slot)) = (self.calls.get_mut(&key), member.subscriber.slots.get_mut(at)) else {
            return;
        };
        if slot.assigned != target {
            if let Some(old) = slot.assigned {
                call.remove_route(&old, (peer, at));
            }
            if let Some(new) = target {
                call.add_route(new, (peer, at));
            }
            slot.assign(target);
        }
        let waits = slot.waits_for_key_frame() && reachable;
        let news = announce || slot.told != target;
        slot.told = target;
        let mid = slot.mid.clone();
        if let Some(track) = target.filter(|_| waits) {
            self.want_keyframe(now, key, &track);
        }
        if news {
            self.output(Output::Assigned {
                peer,
                mid,
                track: target,
            });
        }
    }

    /// What a slot wants, if it is there, is another member's, is of the slot's sort, and can be decoded.
    fn showable(&self, peer: PeerId, at: usize) -> Option<TrackId> {
        let member = self.peers.get(&peer)?;
        let slot = member.subscriber.slots.get(at)?;
        let track = slot.wanted?;
        let source = self.calls.get(&member.call)?.source(&track)?;
        let line = self.peers.get(&source)?.publisher.line_of_kind(track.kind)?;
        let decodable = match line.track.codec {
            Some(codec) => has_codec(&slot.codecs, codec),
            None => common_codec(&slot.codecs, &line.codecs),
        };
        (source != peer && slot.media == track.kind.media() && decodable).then_some(track)
    }
}
