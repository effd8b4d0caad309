//! One member: checks, DTLS client, SRTP, and packets made by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc::crypto::{RTCCryptoProvider, default_provider};
use rtc::dtls::config::{ConfigBuilder, HandshakeConfig};
use rtc::dtls::crypto::Certificate;
use rtc::dtls::endpoint::{Endpoint, EndpointEvent};
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::rtp::Header;
use rtc::shared::TransportProtocol;
use rtc::shared::marshal::{Marshal, Unmarshal};
use rtc::srtp::config::Config;
use rtc::srtp::context::Context;
use rtc::srtp::protection_profile::ProtectionProfile;
use rtc::stun::attributes::{ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{
    CLASS_REQUEST, CLASS_SUCCESS_RESPONSE, METHOD_BINDING, Message, MessageType, Setter, TransactionId,
};
use rtc::stun::textattrs::TextAttribute;

/// What a member's offer looks like.
#[derive(Clone)]
pub struct Shape {
    /// Audio and video slots each.
    pub pairs: usize,
    /// Payload types of Opus, VP9, its repair, VP8, its repair; zero leaves a codec out.
    pub opus: u8,
    pub vp9: u8,
    pub vp8: u8,
    /// Largest DTLS datagram: small values cut the hello into several.
    pub mtu: usize,
    /// The client's DTLS timer; the library's own default is a second.
    pub flight_interval: Duration,
    /// Name another's certificate in the offer.
    pub lie_about_certificate: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            pairs: 2,
            opus: 111,
            vp9: 98,
            vp8: 96,
            mtu: 1_200,
            flight_interval: Duration::from_millis(200),
            lie_about_certificate: false,
        }
    }
}

/// A packet received, SRTP taken off.
#[derive(Clone)]
pub struct Packet {
    pub at: Instant,
    pub header: Header,
    pub payload: Vec<u8>,
}

pub struct Client {
    pub id: u64,
    pub address: SocketAddr,
    pub shape: Shape,
    pub outgoing: Vec<Vec<u8>>,
    pub rtp: Vec<Packet>,
    pub rtcp: Vec<(Instant, Vec<u8>)>,
    pub answer: String,
    pub ufrag: String,
    /// Number of the certificate it uses.
    generation: u8,
    provider: Arc<dyn RTCCryptoProvider>,
    config: Arc<HandshakeConfig>,
    fingerprint: [u8; 32],
    dtls: Option<Endpoint>,
    remote: Option<(String, String)>,
    checked: bool,
    next_check: Option<Instant>,
    keys: Option<(Context, Context)>,
}

const SERVER_STAND_IN: ([u8; 4], u16) = ([198, 51, 100, 1], 9);

impl Client {
    pub fn new(id: u64, shape: Shape) -> Self {
        let provider = default_provider().unwrap();
        let (config, fingerprint) = identity(&provider, &shape);
        Self {
            id,
            address: SocketAddr::from(([203, 0, 113, id as u8], 5_000)),
            shape,
            outgoing: Vec::new(),
            rtp: Vec::new(),
            rtcp: Vec::new(),
            answer: String::new(),
            ufrag: format!("u{id:03}"),
            generation: 0,
            provider,
            config,
            fingerprint,
            dtls: None,
            remote: None,
            checked: false,
            next_check: None,
            keys: None,
        }
    }

    pub fn transport_id(&self) -> [u8; 16] {
        [self.id as u8; 16]
    }

    pub fn connected(&self) -> bool {
        self.keys.is_some()
    }

    /// ICE restart: other credentials, the same certificate.
    pub fn restart_ice(&mut self) {
        self.ufrag.push('r');
        self.checked = false;
    }

    /// A fresh connection, as after a reload: everything is new.
    pub fn start_over(&mut self) {
        self.restart_ice();
        (self.config, self.fingerprint) = identity(&self.provider, &self.shape);
        self.generation += 1;
        self.dtls = None;
        self.keys = None;
        self.rtp.clear();
    }

    /// SSRC of this member's m-line.
    pub fn ssrc(&self, line: u32) -> u32 {
        (self.id as u32) << 16 | u32::from(self.generation) << 8 | line
    }

    pub fn offer(&self) -> String {
        let Shape {
            pairs, opus, vp9, vp8, ..
        } = self.shape;
        let mut fingerprint = self.fingerprint;
        fingerprint[0] ^= u8::from(self.shape.lie_about_certificate);
        let hex: Vec<String> = fingerprint.iter().map(|byte| format!("{byte:02X}")).collect();
        let count = 2 + 2 * pairs;
        let mids: Vec<String> = (0..count).map(|mid| mid.to_string()).collect();
        let mut sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
            mids.join(" ")
        );
        for (mid, _) in mids.iter().enumerate() {
            let audio = mid == 0 || (2..2 + pairs).contains(&mid);
            let codecs: Vec<u8> = if audio { vec![opus] } else { vec![vp9, vp8] };
            let codecs: Vec<u8> = codecs.into_iter().filter(|codec| *codec != 0).collect();
            let formats: Vec<String> = codecs
                .iter()
                .flat_map(|pt| if audio { vec![*pt] } else { vec![*pt, pt + 1] })
                .map(|pt| pt.to_string())
                .collect();
            sdp += &format!(
                "m={} 9 UDP/TLS/RTP/SAVPF {}\r\n",
                if audio { "audio" } else { "video" },
                formats.join(" ")
            );
            sdp += &format!(
                "a=mid:{mid}\r\na=ice-ufrag:{}\r\na=ice-pwd:0123456789012345678901\r\n",
                self.ufrag
            );
            sdp += &format!(
                "a=fingerprint:sha-256 {}\r\na=setup:actpass\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
                hex.join(":")
            );
            sdp += if mid < 2 { "a=sendonly\r\n" } else { "a=recvonly\r\n" };
            sdp += "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
            sdp += "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n";
            for pt in codecs {
                let name = if audio {
                    "opus/48000/2"
                } else if pt == vp9 {
                    "VP9/90000"
                } else {
                    "VP8/90000"
                };
                sdp += &format!("a=rtpmap:{pt} {name}\r\na=rtcp-fb:{pt} transport-cc\r\n");
                if !audio {
                    let repair = pt + 1;
                    sdp += &format!(
                        "a=rtcp-fb:{pt} nack\r\na=rtcp-fb:{pt} nack pli\r\na=rtpmap:{repair} rtx/90000\r\na=fmtp:{repair} apt={pt}\r\n"
                    );
                }
            }
        }
        sdp
    }

    pub fn handle_answer(&mut self, now: Instant, sdp: &str) {
        let value = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        self.remote = Some((value("a=ice-ufrag:"), value("a=ice-pwd:")));
        sdp.clone_into(&mut self.answer);
        self.next_check = Some(now);
    }

    /// SSRCs of a slot in our answer: media, then repair.
    pub fn slot_ssrcs(&self, mid: &str) -> Vec<u32> {
        let wanted = format!("a=mid:{mid}\r\n");
        let section = self
            .answer
            .split("m=")
            .find(|section| section.contains(&wanted))
            .unwrap();
        let mut list: Vec<u32> = Vec::new();
        for line in section.lines().filter_map(|line| line.strip_prefix("a=ssrc:")) {
            let ssrc = line.split(' ').next().unwrap().parse().unwrap();
            if !list.contains(&ssrc) {
                list.push(ssrc);
            }
        }
        list
    }

    /// Packets that came on a slot's media SSRC.
    pub fn seen(&self, mid: &str) -> Vec<&Packet> {
        let ssrc = self.slot_ssrcs(mid)[0];
        self.rtp.iter().filter(|packet| packet.header.ssrc == ssrc).collect()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let dtls = self
            .dtls
            .as_ref()
            .and_then(|dtls| dtls.poll_timeout(&SERVER_STAND_IN.into()));
        [self.next_check, dtls].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.next_check.is_some_and(|at| at <= now) {
            self.next_check = Some(now + Duration::from_millis(if self.checked { 2_000 } else { 50 }));
            let check = self.check();
            self.outgoing.push(check);
        }
        if let Some(dtls) = &mut self.dtls
            && dtls.poll_timeout(&SERVER_STAND_IN.into()).is_some_and(|at| at <= now)
        {
            let _ = dtls.handle_timeout(SERVER_STAND_IN.into(), now);
        }
        self.flush_dtls();
    }

    fn check(&self) -> Vec<u8> {
        let (ufrag, pwd) = self.remote.as_ref().unwrap();
        let mut message = Message::new();
        message.set_type(MessageType::new(METHOD_BINDING, CLASS_REQUEST));
        message.transaction_id = TransactionId::new();
        message.write_header();
        TextAttribute::new(ATTR_USERNAME, format!("{ufrag}:{}", self.ufrag))
            .add_to(&mut message)
            .unwrap();
        message.add(ATTR_PRIORITY, &[0, 0, 0, 1]);
        message.add(ATTR_USE_CANDIDATE, &[]);
        let integrity = MessageIntegrity::new_raw_integrity_with_provider(pwd.as_bytes(), self.provider.crypto());
        integrity.add_to(&mut message).unwrap();
        FINGERPRINT.add_to(&mut message).unwrap();
        message.raw
    }

    pub fn handle_datagram(&mut self, now: Instant, data: &[u8]) {
        match data[0] {
            0..=3 => {
                let mut message = Message::new();
                message.unmarshal_binary(data).unwrap();
                assert!(message.typ.class == CLASS_SUCCESS_RESPONSE);
                self.checked = true;
                self.next_check = Some(now + Duration::from_secs(2));
                if self.dtls.is_none() {
                    let mut dtls = Endpoint::new(self.address, TransportProtocol::UDP, None);
                    dtls.connect(now, SERVER_STAND_IN.into(), self.config.clone(), None)
                        .unwrap();
                    self.dtls = Some(dtls);
                }
            }
            20..=63 => {
                let Some(dtls) = &mut self.dtls else { return };
                let events = dtls
                    .read(now, SERVER_STAND_IN.into(), None, BytesMut::from(data))
                    .unwrap_or_default();
                if events
                    .iter()
                    .any(|event| matches!(event, EndpointEvent::HandshakeComplete))
                {
                    self.derive_keys();
                }
            }
            _ => self.handle_media(now, data),
        }
        self.flush_dtls();
    }

    fn flush_dtls(&mut self) {
        while let Some(transmit) = self.dtls.as_mut().and_then(Endpoint::poll_transmit) {
            self.outgoing.push(transmit.message.to_vec());
        }
    }

    fn derive_keys(&mut self) {
        let state = self
            .dtls
            .as_ref()
            .unwrap()
            .get_connection_state(SERVER_STAND_IN.into())
            .unwrap();
        assert!(state.srtp_protection_profile() == SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
        let material = state.export_keying_material("EXTRACTOR-dtls_srtp", &[], 56).unwrap();
        let mut config = Config {
            profile: ProtectionProfile::AeadAes128Gcm,
            ..Default::default()
        };
        config
            .set_session_keys_from_keying_material(material.as_ref(), true)
            .unwrap();
        let keys = &config.keys;
        let context = |key: &[u8], salt: &[u8]| {
            Context::new(
                key,
                salt,
                ProtectionProfile::AeadAes128Gcm,
                None,
                None,
                self.provider.crypto(),
            )
            .unwrap()
        };
        let outbound = context(&keys.local_master_key, &keys.local_master_salt);
        let inbound = context(&keys.remote_master_key, &keys.remote_master_salt);
        self.keys = Some((outbound, inbound));
    }

    fn handle_media(&mut self, now: Instant, data: &[u8]) {
        let Some((_, inbound)) = &mut self.keys else { return };
        if (192..=223).contains(&data[1]) {
            self.rtcp.push((now, inbound.decrypt_rtcp(data).unwrap().to_vec()));
            return;
        }
        let clear = inbound.decrypt_rtp(data).unwrap();
        let mut rest = clear.as_ref();
        let header = Header::unmarshal(&mut rest).unwrap();
        let payload = rest.to_vec();
        self.rtp.push(Packet {
            at: now,
            header,
            payload,
        });
    }

    /// Sends an RTP packet; `mid` names the m-line in the header extension.
    pub fn send_rtp(&mut self, mut header: Header, mid: Option<&str>, payload: &[u8]) {
        header.version = 2;
        if let Some(mid) = mid {
            header.extension = true;
            header.extension_profile = 0xBEDE;
            header.set_extension(4, Bytes::copy_from_slice(mid.as_bytes())).unwrap();
        }
        let mut packet = header.marshal().unwrap().to_vec();
        packet.extend_from_slice(payload);
        let (outbound, _) = self.keys.as_mut().unwrap();
        self.outgoing.push(outbound.encrypt_rtp(&packet).unwrap().to_vec());
    }

    pub fn send_rtcp(&mut self, packet: &[u8]) {
        let (outbound, _) = self.keys.as_mut().unwrap();
        self.outgoing.push(outbound.encrypt_rtcp(packet).unwrap().to_vec());
    }

    /// One VP8 frame in one packet, as it looks encrypted: descriptor, synthetic byte, and what stands for ciphertext.
    pub fn send_vp8(&mut self, sequence: u16, timestamp: u32, key: bool, body: &[u8]) {
        let header = Header {
            marker: true,
            payload_type: self.shape.vp8,
            sequence_number: sequence,
            timestamp,
            ssrc: self.ssrc(1),
            ..Default::default()
        };
        let payload = [&[0x10, if key { 0x10 } else { 0x11 }], body].concat();
        self.send_rtp(header, Some("1"), &payload);
    }

    pub fn send_opus(&mut self, sequence: u16, timestamp: u32, body: &[u8]) {
        let header = Header {
            payload_type: self.shape.opus,
            sequence_number: sequence,
            timestamp,
            ssrc: self.ssrc(0),
            ..Default::default()
        };
        self.send_rtp(header, Some("0"), body);
    }
}

fn identity(provider: &Arc<dyn RTCCryptoProvider>, shape: &Shape) -> (Arc<HandshakeConfig>, [u8; 32]) {
    let certificate = Certificate::generate_self_signed(vec!["member".to_owned()], provider.crypto()).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate.certificate[0].as_ref());
    let config = ConfigBuilder::default()
        .with_crypto_provider(provider.clone())
        .with_certificates(vec![certificate])
        // Chromium's order.
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
        ])
        .with_insecure_skip_verify(true)
        .with_flight_interval(shape.flight_interval)
        .with_mtu(shape.mtu)
        .build(true, None)
        .unwrap();
    (Arc::new(config), digest.as_ref().try_into().unwrap())
}
