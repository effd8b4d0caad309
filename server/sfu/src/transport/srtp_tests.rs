//! RFC 7714's own vectors (sections 16.1.1 and 17.1), agreement with an independent implementation, and refusals.

use super::*;
use proptest::prelude::*;
use rtc::crypto::default_provider;
use rtc::srtp::config::Config;
use rtc::srtp::context::Context;
use rtc::srtp::protection_profile::ProtectionProfile;

use crate::rtp::RtpHeader;

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn vector_keys() -> DirectionKeys {
    let session = || SessionKey {
        key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &unhex("000102030405060708090a0b0c0d0e0f")).unwrap()),
        salt: *unhex("517569642070726f2071756f").first_chunk().unwrap(),
    };
    DirectionKeys {
        rtp: session(),
        rtcp: session(),
    }
}

#[test]
fn rfc_7714_section_16_1_1() {
    let clear = unhex(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573",
    );
    let sealed = unhex(
        "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf
         8833899d 7f27beb1 6a9152cf 765ee439 0cce",
    );
    let mut packet = clear.clone();
    Sealer::new(vector_keys())
        .seal_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b)
        .unwrap();
    assert_eq!(packet, sealed);
    let opened = Opener::new(vector_keys())
        .open_rtp(&sealed, 12, 0x5501_a0b2, 0xf17b)
        .unwrap();
    assert_eq!(opened, (0xf17b, clear[12..].to_vec()));
}

#[test]
fn rfc_7714_section_17_1() {
    let clear = unhex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef
         deadbeef",
    );
    let sealed = unhex(
        "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded
         0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
    );
    let mut sealer = Sealer::new(vector_keys());
    sealer.rtcp_index = 0x5d3;
    let mut packet = clear.clone();
    sealer.seal_rtcp(&mut packet).unwrap();
    assert_eq!(packet, sealed);
    assert_eq!(Opener::new(vector_keys()).open_rtcp(&sealed).unwrap(), clear);
}

/// Our two ends as the server, and an independent implementation's as the client.
fn both_sides() -> (Opener, Sealer, Context, Context) {
    let provider = default_provider().unwrap();
    let material: Vec<u8> = (0..KEYING_MATERIAL as u8).map(|byte| byte.wrapping_mul(7)).collect();
    let (opener, sealer) = from_keying_material(provider.crypto(), &material).unwrap();
    let mut config = Config {
        profile: ProtectionProfile::AeadAes128Gcm,
        ..Default::default()
    };
    config.set_session_keys_from_keying_material(&material, true).unwrap();
    let context = |key: &[u8], salt: &[u8]| {
        Context::new(
            key,
            salt,
            ProtectionProfile::AeadAes128Gcm,
            None,
            None,
            provider.crypto(),
        )
        .unwrap()
    };
    let outbound = context(&config.keys.local_master_key, &config.keys.local_master_salt);
    let inbound = context(&config.keys.remote_master_key, &config.keys.remote_master_salt);
    (opener, sealer, outbound, inbound)
}

fn rtp(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 98];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 9]);
    packet.extend_from_slice(b"payload of some length");
    packet
}

#[test]
fn an_independent_implementation_agrees_across_the_wrap() {
    let (mut opener, mut sealer, mut outbound, mut inbound) = both_sides();
    for index in (65_000u64..66_200)
        .chain([131_070, 131_071, 131_072])
        .filter(|index| *index < 66_200)
    {
        let clear = rtp(index as u16);
        let theirs = outbound.encrypt_rtp(&clear).unwrap();
        let header = RtpHeader::parse(&theirs).unwrap();
        let (found, payload) = opener
            .open_rtp(&theirs, header.len, header.ssrc, header.sequence)
            .unwrap();
        assert_eq!((found, payload.as_slice()), (index, &clear[12..]));
        let mut ours = clear.clone();
        sealer.seal_rtp(&mut ours, 12, 9, index).unwrap();
        assert_eq!(inbound.decrypt_rtp(&ours).unwrap(), clear);
    }
    let report = [0x80, 201, 0, 1, 0, 0, 0, 5].to_vec();
    for _ in 0..3 {
        let theirs = outbound.encrypt_rtcp(&report).unwrap();
        assert_eq!(opener.open_rtcp(&theirs).unwrap(), report);
        let mut ours = report.clone();
        sealer.seal_rtcp(&mut ours).unwrap();
        assert_eq!(inbound.decrypt_rtcp(&ours).unwrap(), report);
    }
}

#[test]
fn no_index_is_sealed_twice() {
    let (_, mut sealer, _, _) = both_sides();
    assert!(sealer.seal_rtp(&mut rtp(5), 12, 9, 5).is_ok());
    assert_eq!(sealer.seal_rtp(&mut rtp(5), 12, 9, 5), Err(SrtpFault::NonceUsed));
    assert!(sealer.seal_rtp(&mut rtp(5), 12, 9, 65_541).is_ok(), "another round");
    assert_eq!(
        sealer.seal_rtp(&mut rtp(6), 12, 9, 6),
        Err(SrtpFault::NonceUsed),
        "too old to know"
    );
    assert!(sealer.seal_rtp(&mut rtp(5), 12, 10, 5).is_ok(), "another source");
    assert_eq!(sealer.seal_rtp(&mut rtp(5), 12, 9, 1 << 48), Err(SrtpFault::Exhausted));
}

#[test]
fn windows_of_what_was_sealed_are_bounded_and_none_is_forgotten() {
    let mut sealer = Sealer::new(vector_keys());
    for ssrc in 0..MAX_SEALED as u32 {
        assert!(sealer.seal_rtp(&mut rtp(5), 12, ssrc, 5).is_ok());
    }
    let more = MAX_SEALED as u32;
    assert_eq!(
        sealer.seal_rtp(&mut rtp(5), 12, more, 5),
        Err(SrtpFault::TooManySources)
    );
    assert_eq!(
        sealer.seal_rtp(&mut rtp(5), 12, 0, 5),
        Err(SrtpFault::NonceUsed),
        "still known"
    );
    assert!(sealer.seal_rtp(&mut rtp(6), 12, 0, 6).is_ok(), "known sources go on");
}

#[test]
fn replays_and_forgeries_are_refused_and_leave_no_state() {
    let (mut opener, _, mut outbound, _) = both_sides();
    let sealed = outbound.encrypt_rtp(&rtp(5)).unwrap().to_vec();
    for at in 0..sealed.len() {
        let mut forged = sealed.clone();
        forged[at] ^= 1;
        if let Some(header) = RtpHeader::parse(&forged) {
            assert!(
                opener
                    .open_rtp(&forged, header.len, header.ssrc, header.sequence)
                    .is_err(),
                "byte {at}"
            );
        }
    }
    assert!(opener.rtp.is_empty(), "forgeries cost no memory");
    assert!(opener.open_rtp(&sealed, 12, 9, 5).is_ok());
    assert_eq!(opener.open_rtp(&sealed, 12, 9, 5), Err(SrtpFault::Replayed));
    let report = outbound.encrypt_rtcp(&[0x80, 201, 0, 1, 0, 0, 0, 5]).unwrap().to_vec();
    assert!(opener.open_rtcp(&report).is_ok());
    assert_eq!(opener.open_rtcp(&report), Err(SrtpFault::Replayed));
    let mut clear = report.clone();
    let last = clear.len() - 4;
    clear[last] &= 0x7f;
    assert_eq!(opener.open_rtcp(&clear), Err(SrtpFault::Malformed), "unencrypted SRTCP");
}

proptest! {
    #[test]
    fn hostile_bytes_do_no_harm(data in proptest::collection::vec(any::<u8>(), 0..100), header in 0usize..120) {
        let (mut opener, mut sealer, _, _) = both_sides();
        let _ = opener.open_rtp(&data, header, 1, 1);
        let _ = opener.open_rtcp(&data);
        let _ = sealer.seal_rtp(&mut data.clone(), header, 1, 1);
        let _ = sealer.seal_rtcp(&mut data.clone());
    }
}
