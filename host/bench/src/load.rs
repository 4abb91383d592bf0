//! A client that costs little: requests made beforehand, connections kept open, answers looked at no closer than needed.
//! It shares the machine with the host that it measures.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest answer that is expected.
const ANSWER_MAX: usize = 64 << 10;

/// A request as it goes over the wire.
pub fn post(host: &SocketAddr, path_and_query: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path_and_query} HTTP/1.1\r\nhost: {host}\r\ncontent-type: text/xml\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub fn get(host: &SocketAddr, path_and_query: &str, token: &str) -> Vec<u8> {
    format!("GET {path_and_query} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

pub struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    pub async fn open(host: SocketAddr) -> anyhow::Result<Line> {
        let stream = TcpStream::connect(host).await.with_context(|| format!("connect to {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Line { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and gives the status and the body of its answer.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<(u16, String)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            ensure!(self.buffer.len() <= ANSWER_MAX, "an answer of more than {ANSWER_MAX} bytes");
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the host closed the connection");
            if let Some(answer) = whole(&self.buffer)? {
                return Ok(answer);
            }
        }
    }
}

/// The answer, if all of it is there.
fn whole(bytes: &[u8]) -> anyhow::Result<Option<(u16, String)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let length: usize = length.context("an answer without a length")?.trim().parse()?;
    let body = &bytes[end + 4..];
    if body.len() < length {
        return Ok(None);
    }
    let status = head.split(' ').nth(1).context("an answer without a status")?.parse()?;
    Ok(Some((status, String::from_utf8_lossy(&body[..length]).into_owned())))
}

/// Sends all requests over so many connections, each as soon as the one before on it is answered. Gives the time.
pub async fn closed(host: SocketAddr, requests: Arc<Vec<Vec<u8>>>, lines: usize) -> anyhow::Result<Duration> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut opened = Vec::new();
    for _ in 0..lines {
        opened.push(Line::open(host).await?);
    }
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for mut line in opened {
        let (next, requests) = (Arc::clone(&next), Arc::clone(&requests));
        tasks.spawn(async move {
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (status, body) = line.ask(request).await?;
                ensure!(status == 200, "status {status}: {body}");
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(started.elapsed())
}

/// Sends requests at a steady rate, whether those before are answered or not. Gives the time from when each was to be
/// sent until it was answered, ascending: a host that stalls cannot hide it.
pub async fn open(
    host: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    rate: f64,
    lines: usize,
) -> anyhow::Result<Vec<Duration>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    let started = Instant::now();
    for _ in 0..lines {
        let (next, requests) = (Arc::clone(&next), Arc::clone(&requests));
        let mut line = Line::open(host).await?;
        tasks.spawn(async move {
            let mut took = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = requests.get(place) else { return Ok::<_, anyhow::Error>(took) };
                #[expect(clippy::cast_precision_loss, reason = "a place in a list")]
                let due = started + Duration::from_secs_f64(place as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
                let (status, body) = line.ask(request).await?;
                ensure!(status == 200, "status {status}: {body}");
                took.push(due.elapsed());
            }
        });
    }
    let mut all = Vec::new();
    while let Some(task) = tasks.join_next().await {
        all.extend(task??);
    }
    all.sort_unstable();
    Ok(all)
}

/// The time that all but this share are within.
pub fn percentile(sorted: &[Duration], beyond: f64) -> Duration {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place"
    )]
    let place = ((sorted.len() as f64) * (1.0 - beyond)) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}
