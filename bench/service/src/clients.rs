//! Clients: as little as sends a request and reads its answer, so that what is measured is the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What came of a turn.
pub(crate) struct Turn {
    /// Requests that were answered as they should be.
    pub(crate) answered: u64,
    /// How long that took.
    pub(crate) seconds: f64,
}

/// Latencies, in milliseconds.
pub(crate) struct Latencies {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

/// Makes the request of this number, its head included.
pub(crate) type Request = Arc<dyn Fn(u64) -> (usize, Vec<u8>) + Send + Sync>;

/// Where requests go, by the number that a request says.
pub(crate) type Addresses = Arc<Vec<std::net::SocketAddr>>;

/// As many requests as so many clients get answered in this time.
pub(crate) async fn as_fast_as_it_goes(
    addresses: Addresses,
    request: Request,
    next: Arc<AtomicU64>,
    clients: usize,
    time: Duration,
) -> Result<Turn> {
    let began = Instant::now();
    let mut all = JoinSet::new();
    for client in 0..clients {
        let (addresses, request, next) = (Arc::clone(&addresses), Arc::clone(&request), Arc::clone(&next));
        all.spawn(async move {
            let mut connection = Connection::open(addresses[client % addresses.len()]).await?;
            let mut answered = 0;
            while began.elapsed() < time {
                let (_, bytes) = request(next.fetch_add(1, Ordering::Relaxed));
                connection.ask(&bytes).await?;
                answered += 1;
            }
            anyhow::Ok(answered)
        });
    }
    let mut answered = 0;
    while let Some(client) = all.join_next().await {
        answered += client??;
    }
    Ok(Turn { answered, seconds: began.elapsed().as_secs_f64() })
}

/// Latencies at this rate: every request has a moment at which it is to be sent, and is late from then on.
pub(crate) async fn at_a_rate(
    addresses: Addresses,
    request: Request,
    next: Arc<AtomicU64>,
    clients: usize,
    (rate, time): (f64, Duration),
) -> Result<Latencies> {
    let began = Instant::now() + Duration::from_millis(100);
    let mut all = JoinSet::new();
    for client in 0..clients {
        let (addresses, request, next) = (Arc::clone(&addresses), Arc::clone(&request), Arc::clone(&next));
        all.spawn(async move {
            let mut connection = Connection::open(addresses[client % addresses.len()]).await?;
            let (every, mut latencies) = (clients as f64 / rate, Vec::new());
            let mut due = Duration::from_secs_f64(every * client as f64 / clients as f64);
            while due < time {
                tokio::time::sleep_until((began + due).into()).await;
                let (_, bytes) = request(next.fetch_add(1, Ordering::Relaxed));
                connection.ask(&bytes).await?;
                latencies.push((Instant::now() - (began + due)).as_secs_f64() * 1000.0);
                due += Duration::from_secs_f64(every);
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(client) = all.join_next().await {
        latencies.extend(client??);
    }
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    Ok(Latencies { p50: at(0.5), p99: at(0.99), p999: at(0.999) })
}

struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    async fn open(address: std::net::SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("no connection")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(16 << 10) })
    }

    /// Sends a request and reads its answer to the end.
    async fn ask(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).await?;
        self.read.clear();
        loop {
            let number = self.stream.read_buf(&mut self.read).await?;
            ensure!(number > 0, "the server closed the connection");
            if let Some(whole) = whole(&self.read)?
                && self.read.len() >= whole
            {
                return Ok(());
            }
        }
    }
}

/// The length of an answer, once its head is there; one that is not as it should be is an error.
fn whole(read: &[u8]) -> Result<Option<usize>> {
    let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&read[..end])?.to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        anyhow::bail!("the answer is {status}: {}", String::from_utf8_lossy(&read[end..]));
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.context("the answer has no length")?.trim().parse()?;
    Ok(Some(end + 4 + length))
}
