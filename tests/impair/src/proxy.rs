//! The proxy: one socket towards browsers, one towards the server for each browser address, and what lies between them.
//!
//! Rule of use: one task owns everything; readers of upstream sockets only hand datagrams to it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::fate::{Dice, Direction, Tally, Weather, is_handshake};
use crate::trace::Trace;

/// Browser addresses at a time. A test has some dozens; a runaway one must end, not fill the machine.
const MAX_FLOWS: usize = 4_096;
/// Datagrams under way. One call at 300 ms has some hundreds.
const MAX_UNDER_WAY: usize = 32_768;
/// No datagram of these tests is longer.
const MAX_DATAGRAM: usize = 2_048;

/// A datagram that an upstream socket received, for the browser at this address.
type FromServer = (SocketAddr, u64, Vec<u8>);

struct Flow {
    upstream: Arc<UdpSocket>,
    reader: JoinHandle<()>,
    /// Which of the flow's upstream sockets is the present one: datagrams to former ones are gone, as behind a NAT.
    generation: u64,
    dead: bool,
    tally: Tally,
    trace: Trace,
}

impl Flow {
    fn arrives(&mut self, at: Duration, direction: Direction, data: &[u8], weather: &Weather, dice: &mut Dice) -> bool {
        let arrives = !self.dead && self.tally.arrives(direction, data, weather, dice);
        if is_handshake(data) {
            self.trace.note(at, direction, arrives, data);
        }
        arrives
    }
}

enum Hop {
    ToServer(Arc<UdpSocket>),
    ToBrowser(SocketAddr),
}

struct UnderWay {
    due: Instant,
    order: u64,
    hop: Hop,
    data: Vec<u8>,
}

impl PartialEq for UnderWay {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl Eq for UnderWay {}
impl PartialOrd for UnderWay {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for UnderWay {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}

/// Sums over all flows since the last `reset`.
#[derive(Default)]
pub struct Counts {
    /// Browser addresses seen.
    pub flows: usize,
    /// Flows whose appointed datagram came and was lost.
    pub lost_it: usize,
    /// The most handshake datagrams of one flow, up and down.
    pub most_up: u32,
    /// See `most_up`.
    pub most_down: u32,
}

/// See the module.
pub struct Proxy {
    listen: Arc<UdpSocket>,
    server: SocketAddr,
    flows: HashMap<SocketAddr, Flow>,
    under_way: BinaryHeap<Reverse<UnderWay>>,
    order: u64,
    dice: Dice,
    began: Instant,
    from_server: (mpsc::Sender<FromServer>, mpsc::Receiver<FromServer>),
    /// How bad it is now.
    pub weather: Weather,
}

impl Proxy {
    /// Listens for browsers at once.
    pub async fn bind(listen: SocketAddr, server: SocketAddr, seed: u64) -> io::Result<Self> {
        Ok(Self {
            listen: Arc::new(UdpSocket::bind(listen).await?),
            server,
            flows: HashMap::new(),
            under_way: BinaryHeap::new(),
            order: 0,
            dice: Dice::new(seed),
            began: Instant::now(),
            from_server: mpsc::channel(1_024),
            weather: Weather::default(),
        })
    }

    /// Carries datagrams until the first line of `lines`, and returns it; `None` at the end of input.
    pub async fn run_until_line(&mut self, lines: &mut mpsc::Receiver<String>) -> io::Result<Option<String>> {
        let mut buffer = vec![0; MAX_DATAGRAM];
        let listen = self.listen.clone();
        loop {
            let due = self.under_way.peek().map(|Reverse(first)| first.due);
            tokio::select! {
                line = lines.recv() => return Ok(line),
                got = listen.recv_from(&mut buffer) => {
                    // An answer of the kernel to something we sent (port unreachable) is no reason to stop.
                    if let Ok((length, from)) = got {
                        self.handle_browser(from, buffer.get(..length).unwrap_or_default()).await?;
                    }
                }
                Some((to, generation, data)) = self.from_server.1.recv() => self.handle_server(to, generation, data),
                () = sleep_until(due) => {}
            }
            self.deliver().await;
        }
    }

    async fn handle_browser(&mut self, from: SocketAddr, data: &[u8]) -> io::Result<()> {
        if !self.flows.contains_key(&from) {
            if self.flows.len() >= MAX_FLOWS {
                return Ok(());
            }
            let flow = self.open(from, Tally::new(&self.weather), 0).await?;
            self.flows.insert(from, flow);
        }
        let Some(flow) = self.flows.get_mut(&from) else {
            return Ok(());
        };
        let at = self.began.elapsed();
        if flow.arrives(at, Direction::Up, data, &self.weather, &mut self.dice) {
            let hop = Hop::ToServer(flow.upstream.clone());
            self.send_later(hop, data.to_vec());
        }
        Ok(())
    }

    fn handle_server(&mut self, to: SocketAddr, generation: u64, data: Vec<u8>) {
        let Some(flow) = self.flows.get_mut(&to) else { return };
        let at = self.began.elapsed();
        if flow.generation == generation && flow.arrives(at, Direction::Down, &data, &self.weather, &mut self.dice) {
            self.send_later(Hop::ToBrowser(to), data);
        }
    }

    fn send_later(&mut self, hop: Hop, data: Vec<u8>) {
        if self.under_way.len() >= MAX_UNDER_WAY {
            return;
        }
        self.order += 1;
        self.under_way.push(Reverse(UnderWay {
            due: Instant::now() + self.weather.delay,
            order: self.order,
            hop,
            data,
        }));
    }

    async fn deliver(&mut self) {
        let now = Instant::now();
        while self.under_way.peek().is_some_and(|Reverse(first)| first.due <= now) {
            let Some(Reverse(datagram)) = self.under_way.pop() else {
                break;
            };
            // A datagram that cannot be sent is a lost one.
            let _ = match datagram.hop {
                Hop::ToServer(upstream) => upstream.send(&datagram.data).await,
                Hop::ToBrowser(to) => self.listen.send_to(&datagram.data, to).await,
            };
        }
    }

    async fn open(&self, browser: SocketAddr, tally: Tally, generation: u64) -> io::Result<Flow> {
        let upstream = UdpSocket::bind((self.server.ip(), 0)).await?;
        upstream.connect(self.server).await?;
        let upstream = Arc::new(upstream);
        let (socket, sender) = (upstream.clone(), self.from_server.0.clone());
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; MAX_DATAGRAM];
            loop {
                // A refused connection (the server is away) comes as an error of one receive.
                let Ok(length) = socket.recv(&mut buffer).await else {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    continue;
                };
                let data = buffer.get(..length).unwrap_or_default().to_vec();
                if sender.send((browser, generation, data)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Flow {
            upstream,
            reader,
            generation,
            dead: false,
            tally,
            trace: Trace::default(),
        })
    }

    /// Every browser gets a new address at the server's side, as when a phone changes from one network to another behind the
    /// browser's back. What the server sends to the old address is lost.
    pub async fn rebind(&mut self) -> io::Result<usize> {
        let browsers: Vec<SocketAddr> = self.flows.keys().copied().collect();
        for browser in &browsers {
            let Some(mut flow) = self.flows.remove(browser) else {
                continue;
            };
            // The new socket is there before the old one closes: they cannot have the same port.
            let fresh = self
                .open(*browser, Tally::new(&Weather::default()), flow.generation + 1)
                .await?;
            flow.reader.abort();
            (flow.upstream, flow.reader) = (fresh.upstream, fresh.reader);
            flow.generation = fresh.generation;
            self.flows.insert(*browser, flow);
        }
        Ok(browsers.len())
    }

    /// All present flows are dead in both directions for good; browsers' new sockets work.
    pub fn kill(&mut self) -> usize {
        for flow in self.flows.values_mut() {
            flow.dead = true;
        }
        self.flows.len()
    }

    /// Forgets all flows, so that the next datagram of each begins a new one.
    pub fn reset(&mut self) {
        for (_, flow) in self.flows.drain() {
            flow.reader.abort();
        }
        self.under_way.clear();
    }

    /// The newest handshake datagrams of every flow.
    pub fn traces(&self) -> Vec<Vec<&str>> {
        self.flows.values().map(|flow| flow.trace.lines().collect()).collect()
    }

    /// What the flows have seen.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for flow in self.flows.values() {
            counts.flows += 1;
            counts.lost_it += usize::from(flow.tally.lost_it);
            counts.most_up = counts.most_up.max(flow.tally.handshake(Direction::Up));
            counts.most_down = counts.most_down.max(flow.tally.handshake(Direction::Down));
        }
        counts
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
