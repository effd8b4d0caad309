//! The tap sees what passes, so that a test that finds nothing readable in it means something.

use std::sync::{Arc, Mutex};

use conclave::tap::FrameTap;
use conclave_protocol::message::{ClientMessage, ServerMessage};
use tokio::net::UdpSocket;

use crate::harness::{Client, PATIENCE, Running};

#[derive(Default)]
struct Seen {
    socket_in: Mutex<Vec<Vec<u8>>>,
    socket_out: Mutex<Vec<Vec<u8>>>,
    datagrams_in: Mutex<Vec<Vec<u8>>>,
}

impl FrameTap for Seen {
    fn socket_in(&self, message: &[u8]) {
        self.socket_in.lock().expect("a lock").push(message.to_vec());
    }

    fn socket_out(&self, message: &[u8]) {
        self.socket_out.lock().expect("a lock").push(message.to_vec());
    }

    fn datagram_in(&self, datagram: &[u8]) {
        self.datagrams_in.lock().expect("a lock").push(datagram.to_vec());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tap_sees_messages_both_ways_and_datagrams() {
    let seen = Arc::new(Seen::default());
    let server = Running::start_tapped(seen.clone()).await;
    let (_, room) = server.room().await;
    let mut client = Client::admitted(&server, &room).await;
    assert!(client.is_served(77).await);
    let ping = ClientMessage::Ping { n: 77 }.encode();
    let pong = ServerMessage::Pong { n: 77 }.encode();
    assert!(seen.socket_in.lock().expect("a lock").contains(&ping));
    assert!(seen.socket_out.lock().expect("a lock").contains(&pong));

    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    socket
        .send_to(b"planted datagram", server.media)
        .await
        .expect("loopback takes it");
    let arrived = async {
        while !seen
            .datagrams_in
            .lock()
            .expect("a lock")
            .iter()
            .any(|datagram| datagram == b"planted datagram")
        {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, arrived)
        .await
        .expect("the tap sees the datagram");
    server.stop().await;
}
