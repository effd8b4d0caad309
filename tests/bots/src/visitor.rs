//! A connection that holds a room's link and speaks the wire language by hand: for crowds that wait, and for floods by people whom the server lets in.
//!
//! It is no member and has no group. The bots are those who take part.

use conclave_protocol::{
    admission::AdmissionContext,
    chunk::split,
    ids::RoomId,
    keys::{LinkKeys, Signer, TransportPk},
    link::GuestLink,
    message::{CallHead, ClientMessage, SOCKET_PATH, SUBPROTOCOL, ServerMessage},
};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{ClientRequestBuilder, Message},
};

/// Somebody whom the server has admitted.
pub struct Visitor {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The room's calls at that moment.
    pub calls: Vec<CallHead>,
    submissions: u32,
}

impl Visitor {
    /// One connection through admission: challenge, hello, proof. `None` if it was not let in.
    pub async fn admitted(link: &GuestLink) -> Option<Self> {
        let server = link.servers.first()?;
        let uri = format!("ws://{}{SOCKET_PATH}", server.as_str()).parse().ok()?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
        let (socket, _) = connect_async(request).await.ok()?;
        let mut visitor = Self {
            socket,
            calls: Vec::new(),
            submissions: 0,
        };
        let ServerMessage::Challenge { server_nonce } = visitor.next().await? else {
            return None;
        };
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).ok()?;
        let transport = Signer::from_seed(&seed);
        let context = AdmissionContext {
            server: server.clone(),
            room_id: RoomId::of(&link.room_fp, server),
            server_nonce,
            client_nonce: seed,
            transport_pk: TransportPk::from_bytes(transport.public()),
        };
        let keys = LinkKeys::derive(&link.link_secret);
        let (sig_admission, sig_transport) = context.sign(&keys.admission(server), &transport);
        let hello = ClientMessage::Hello {
            room_id: context.room_id,
            client_nonce: context.client_nonce,
            transport_pk: context.transport_pk,
        };
        let admit = ClientMessage::Admit {
            sig_admission,
            sig_transport,
        };
        for message in [hello, admit] {
            visitor.send(&message).await?;
        }
        let ServerMessage::Admitted { calls, .. } = visitor.next().await? else {
            return None;
        };
        visitor.calls = calls;
        Some(visitor)
    }

    /// Sends a message, in pieces if it is large. `None` if the connection is gone.
    pub async fn send(&mut self, message: &ClientMessage) -> Option<()> {
        self.submissions += 1;
        for frame in split::<ClientMessage>(message.encode(), self.submissions) {
            self.send_raw(frame).await?;
        }
        Some(())
    }

    /// Sends any bytes as one frame.
    pub async fn send_raw(&mut self, bytes: Vec<u8>) -> Option<()> {
        self.socket.send(Message::Binary(bytes.into())).await.ok()
    }

    /// Reads on to the end, so that pings are answered.
    pub async fn stays(mut self) {
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// The next message. `None` if the connection is gone, or sends what is no message.
    pub async fn next(&mut self) -> Option<ServerMessage> {
        loop {
            match self.socket.next().await?.ok()? {
                Message::Binary(bytes) => return ServerMessage::decode(&bytes).ok(),
                _ => continue,
            }
        }
    }
}
