//! A bot's socket to the server: one WebSocket, a writer with two priorities, a reader.

use std::{collections::VecDeque, time::Duration};

use conclave_protocol::{limits::MAX_FRAME, message::SOCKET_PATH, server_name::ServerName};
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        ClientRequestBuilder, Error as WsError, Message,
        protocol::{WebSocketConfig, frame::coding::CloseCode},
    },
};

/// How long opening may take, and closing.
const DEADLINE: Duration = Duration::from_secs(5);

/// Frames waiting for a bot. It reads at once; a queue that fills means that the bot hangs.
const INCOMING: usize = 1_024;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What the socket tells the bot.
pub(crate) enum SocketEvent {
    Open,
    Frame(Vec<u8>),
    Closed(u16),
}

enum Outgoing {
    Frame { high: bool, bytes: Vec<u8> },
    Close,
}

/// A socket that is open or on its way.
pub(crate) struct Socket {
    outgoing: mpsc::UnboundedSender<Outgoing>,
    events: mpsc::Receiver<SocketEvent>,
    task: JoinHandle<()>,
}

impl Socket {
    /// Opens the socket after a while.
    pub(crate) fn open(server: &ServerName, after_ms: u64) -> Self {
        // Unbounded, because the core emits a bounded number of frames for each input and the writer never waits for
        // the bot.
        let (outgoing, orders) = mpsc::unbounded_channel();
        let (report, events) = mpsc::channel(INCOMING);
        let url = format!("ws://{}{SOCKET_PATH}", server.as_str());
        let task = tokio::spawn(async move {
            sleep(Duration::from_millis(after_ms)).await;
            let code = match timeout(DEADLINE, connect(url)).await {
                Ok(Ok(stream)) => run(stream, orders, &report).await,
                _ => u16::from(CloseCode::Abnormal),
            };
            let _ = report.send(SocketEvent::Closed(code)).await;
        });
        Self { outgoing, events, task }
    }

    pub(crate) fn send(&self, high: bool, bytes: Vec<u8>) {
        // A socket that is gone reports itself as closed.
        let _ = self.outgoing.send(Outgoing::Frame { high, bytes });
    }

    pub(crate) async fn event(&mut self) -> Option<SocketEvent> {
        self.events.recv().await
    }

    /// Sends what is waiting, then closes.
    pub(crate) async fn close(mut self) {
        let _ = self.outgoing.send(Outgoing::Close);
        self.events.close();
        if timeout(DEADLINE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(url: String) -> Result<Stream, WsError> {
    let uri = url.parse().map_err(|_| WsError::AttackAttempt)?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("conclave.1");
    let config = WebSocketConfig::default()
        .max_frame_size(Some(MAX_FRAME))
        .max_message_size(Some(MAX_FRAME));
    let (stream, _) = connect_async_with_config(request, Some(config), true).await?;
    Ok(stream)
}

/// Carries frames both ways until the socket is closed; gives the close code.
async fn run(stream: Stream, mut orders: mpsc::UnboundedReceiver<Outgoing>, report: &mpsc::Sender<SocketEvent>) -> u16 {
    let (mut sink, mut incoming) = stream.split();
    let _ = report.send(SocketEvent::Open).await;
    let mut low = VecDeque::new();
    let abnormal = u16::from(CloseCode::Abnormal);
    loop {
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(Outgoing::Frame { high: true, bytes }) => {
                    if sink.send(Message::Binary(bytes.into())).await.is_err() { return abnormal }
                }
                Some(Outgoing::Frame { high: false, bytes }) => low.push_back(bytes),
                Some(Outgoing::Close) | None => return finish(sink, low).await,
            },
            message = incoming.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    // Nobody reads any more once the bot closes; what it said before that, its farewell too, is still sent.
                    let _ = report.send(SocketEvent::Frame(bytes.to_vec())).await;
                }
                Some(Ok(Message::Close(close))) => return close.map_or(abnormal, |close| close.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return abnormal,
            },
            () = std::future::ready(()), if !low.is_empty() => {
                if let Some(bytes) = low.pop_front() && sink.send(Message::Binary(bytes.into())).await.is_err() {
                    return abnormal;
                }
            }
        }
    }
}

async fn finish(mut sink: SplitSink<Stream, Message>, low: VecDeque<Vec<u8>>) -> u16 {
    for bytes in low {
        if sink.send(Message::Binary(bytes.into())).await.is_err() {
            break;
        }
    }
    // It is going away either way.
    let _ = sink.close().await;
    u16::from(CloseCode::Normal)
}
