//! Nothing is longer than it may be, in one frame or in pieces.

use conclave_protocol::{
    Error,
    chunk::{Inbox, split},
    envelope::{ClearPart, Envelope, open, seal},
    ids::{CallId, TransportId},
    limits::{CHUNK_DATA, MAX_ASSEMBLED, MAX_BODY, MAX_FRAME},
    message::ClientMessage,
};

use super::{
    cases::{self, counting},
    gate,
};

#[test]
fn an_inbox_holds_one_message_of_bounded_size() {
    let envelope = vec![7; 3 * CHUNK_DATA];
    let long = ClientMessage::submission([envelope.clone()]).encode();
    let frames = split::<ClientMessage>(long.clone(), 5);
    assert_eq!(frames.len(), 4);
    let mut inbox = Inbox::new();
    let last = frames.len() - 1;
    for (i, frame) in frames.iter().enumerate() {
        assert!(frame.len() <= MAX_FRAME);
        let whole = inbox.accept::<ClientMessage>(frame).unwrap();
        assert_eq!(whole.is_some(), i == last);
        if i < last {
            // Short messages pass between the pieces.
            assert!(
                inbox
                    .accept::<ClientMessage>(&ClientMessage::Ping { n: 1 }.encode())
                    .unwrap()
                    .is_some()
            );
        }
    }
    assert_eq!(inbox.held(), 0);

    let refused = |frames: &[&Vec<u8>]| {
        let mut inbox = Inbox::new();
        let (bad, good) = frames.split_last().unwrap();
        good.iter()
            .for_each(|f| assert!(inbox.accept::<ClientMessage>(f).is_ok_and(|m| m.is_none())));
        inbox.accept::<ClientMessage>(bad).is_err()
    };
    assert!(refused(&[&frames[1]]), "begins in the middle");
    assert!(refused(&[&frames[0], &frames[2]]), "skips a piece");
    assert!(refused(&[&frames[0], &frames[0]]), "repeats a piece");
    let other = split::<ClientMessage>(long, 6);
    assert!(refused(&[&frames[0], &other[1]]), "two messages at once");
    let short = ClientMessage::Chunk {
        id: 1,
        n: 0,
        last: false,
        data: vec![1; 10],
    }
    .encode();
    assert!(refused(&[&short]), "a short piece that is not the last");
    let inner = ClientMessage::Chunk {
        id: 1,
        n: 0,
        last: true,
        data: vec![1],
    }
    .encode();
    let nested = ClientMessage::Chunk {
        id: 1,
        n: 0,
        last: true,
        data: inner,
    }
    .encode();
    assert!(refused(&[&nested]), "pieces of pieces");
    assert!(refused(&[&vec![0; MAX_FRAME + 1]]), "a frame beyond the limit");

    let mut inbox = Inbox::new();
    let full = |n| {
        ClientMessage::Chunk {
            id: 1,
            n,
            last: false,
            data: vec![1; CHUNK_DATA],
        }
        .encode()
    };
    let taken = (0..1_000)
        .take_while(|n| inbox.accept::<ClientMessage>(&full(*n)).is_ok())
        .count();
    assert_eq!(taken, MAX_ASSEMBLED / CHUNK_DATA, "as many as fit, and then an error");
}

#[test]
fn limits_hold() {
    let offer = |n| ClientMessage::Offer { sdp: "a".repeat(n) }.encode();
    assert!(ClientMessage::decode(&offer(49_152)).is_ok());
    assert!(matches!(ClientMessage::decode(&offer(49_153)), Err(Error::TooLarge)));
    let attach = |have_seq| {
        ClientMessage::Attach {
            call_id: CallId::from_bytes([0; 16]),
            have_seq,
        }
        .encode()
    };
    assert!(ClientMessage::decode(&attach((1 << 53) - 1)).is_ok());
    assert!(matches!(ClientMessage::decode(&attach(1 << 53)), Err(Error::TooLarge)));
    let many = |n| ClientMessage::submission(std::iter::repeat_n(vec![0], n)).encode();
    assert!(ClientMessage::decode(&many(5)).is_ok());
    assert!(ClientMessage::decode(&many(6)).is_err());
    let key = cases::envelopes::envelope_key();
    let clear = || ClearPart::message(CallId::from_bytes(counting(1)));
    let largest = seal(&key, clear(), &vec![1; MAX_BODY], counting(1)).unwrap();
    assert!(Envelope::decode(&largest.encode()).is_ok_and(|e| open(&key, &e).is_ok_and(|b| b.len() == MAX_BODY)));
    assert!(matches!(
        seal(&key, clear(), &vec![1; MAX_BODY + 1], counting(1)),
        Err(Error::TooLarge)
    ));
    let everybody = (0..250_u8)
        .map(|n| TransportId::from_bytes([n; 16]))
        .collect::<Vec<_>>();
    let mut fullest = ClearPart::commit(
        CallId::from_bytes([0; 16]),
        u64::MAX,
        everybody.clone(),
        everybody,
        gate(),
    );
    fullest.gate_signature = Some([0; 64]);
    assert!(ClearPart::decode(&fullest.encode()).is_ok());
}
