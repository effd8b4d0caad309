//! Many connections that proved a room's link and wait: what each costs the server is what is measured (`./x bench idle`).
//!
//! They take part in nothing and send nothing but pongs. Prints one line when all are admitted, and holds them until its input ends.

use std::{io::Write as _, process::ExitCode, time::Duration};

use clap::Parser;
use conclave_bots::{BotError, input};
use conclave_protocol::{
    admission::AdmissionContext,
    ids::RoomId,
    keys::{LinkKeys, Signer, TransportPk},
    link::GuestLink,
    message::{ClientMessage, SOCKET_PATH, SUBPROTOCOL, ServerMessage},
};
use futures_util::{SinkExt, StreamExt, future::join_all};
use tokio::{net::TcpStream, task::JoinSet, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{ClientRequestBuilder, Message},
};

/// Connections that are being opened at a time: a room that arrives together, not an attack.
const AT_A_TIME: usize = 50;

/// How long one may take to be admitted.
const PATIENCE: Duration = Duration::from_secs(20);

/// A crowd that waits.
#[derive(Parser)]
#[command(name = "conclave-crowd")]
struct Arguments {
    /// Guest link of a room; several spread the crowd, because a room lets in only so many
    #[arg(long, required = true)]
    link: Vec<String>,
    /// How many
    #[arg(long, default_value_t = 1_000)]
    count: usize,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Ok(links) = arguments
        .link
        .iter()
        .map(|link| GuestLink::parse(link))
        .collect::<Result<Vec<_>, _>>()
    else {
        let _ = writeln!(std::io::stderr(), "conclave-crowd: error: {}", BotError::Link);
        return ExitCode::FAILURE;
    };
    let mut waiting = JoinSet::new();
    let mut left = arguments.count;
    while left > 0 {
        let batch = left.min(AT_A_TIME);
        for admitted in join_all(
            links
                .iter()
                .cycle()
                .take(batch)
                .map(|link| timeout(PATIENCE, admitted(link))),
        )
        .await
        {
            let Ok(Some(mut socket)) = admitted else {
                let _ = writeln!(
                    std::io::stderr(),
                    "conclave-crowd: error: a connection was not admitted"
                );
                return ExitCode::FAILURE;
            };
            // Read on, so that pings are answered.
            waiting.spawn(async move { while let Some(Ok(_)) = socket.next().await {} });
        }
        left -= batch;
    }
    let _ = writeln!(std::io::stdout(), "{{\"admitted\":{}}}", arguments.count);
    let mut lines = input::lines();
    while lines.recv().await.is_some() {}
    // Whoever was closed meanwhile did not wait: the measurement would be of fewer.
    let all_here = std::iter::from_fn(|| waiting.try_join_next()).count() == 0;
    if all_here { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One connection through admission: challenge, hello, proof.
async fn admitted(link: &GuestLink) -> Option<Socket> {
    let server = link.servers.first()?;
    let uri = format!("ws://{}{SOCKET_PATH}", server.as_str()).parse().ok()?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
    let (mut socket, _) = connect_async(request).await.ok()?;
    let ServerMessage::Challenge { server_nonce } = next(&mut socket).await? else {
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
        socket.send(Message::Binary(message.encode().into())).await.ok()?;
    }
    matches!(next(&mut socket).await?, ServerMessage::Admitted { .. }).then_some(socket)
}

async fn next(socket: &mut Socket) -> Option<ServerMessage> {
    loop {
        match socket.next().await?.ok()? {
            Message::Binary(bytes) => return ServerMessage::decode(&bytes).ok(),
            _ => continue,
        }
    }
}
