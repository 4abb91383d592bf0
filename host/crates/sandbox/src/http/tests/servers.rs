//! What a server can do to whoever asks it.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{get, granted, send};
use crate::http::{Http, HttpRefusal, HttpRequest, HttpResponse};
use crate::limits::Limits;

/// What a server sends, once it has read a request.
#[derive(Clone)]
pub(super) struct Script {
    begin: Vec<u8>,
    /// Again and again behind it, after this pause.
    again: Option<(Vec<u8>, Duration)>,
}

/// A whole answer.
pub(super) fn answer(status: &str, body: &str) -> Script {
    let length = body.len();
    once(&format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\nx-a: b\r\n\r\n{body}"
    ))
}

fn once(text: &str) -> Script {
    Script { begin: text.as_bytes().to_vec(), again: None }
}

/// Without end, as fast as it is taken.
fn flood(begin: &str, again: &str) -> Script {
    Script {
        begin: begin.as_bytes().to_vec(),
        again: Some((again.repeat(1000).into_bytes(), Duration::ZERO)),
    }
}

/// Without end, a piece now and then.
fn drip(begin: &str, again: &str) -> Script {
    let pause = Duration::from_millis(20);
    Script { begin: begin.as_bytes().to_vec(), again: Some((again.as_bytes().to_vec(), pause)) }
}

pub(super) struct Server {
    pub(super) port: u16,
    requests: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Gives the same to whoever asks.
    pub(super) async fn giving(script: Script) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(play(stream, script.clone()));
            }
        });
        Server { port, requests, task }
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/?access_token=t0ken", self.port)
    }

    async fn asked(&self, limits: &Limits) -> Result<HttpResponse, HttpRefusal> {
        send(vec![granted(&format!("http://127.0.0.1:{}", self.port), true)], get(&self.url()), limits).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends when the other side hangs up.
async fn play(mut stream: TcpStream, script: Script) {
    let mut buffer = [0; 4096];
    let _ = stream.read(&mut buffer).await;
    let mut sent = stream.write_all(&script.begin).await;
    while let (Ok(()), Some((again, pause))) = (&sent, &script.again) {
        if !pause.is_zero() {
            tokio::time::sleep(*pause).await;
        }
        sent = stream.write_all(again).await;
    }
    let _ = stream.shutdown().await;
}

const HEAD: &str = "HTTP/1.1 200 OK\r\n";
const ENDLESS: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// How a request ends that must not be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    TimedOut,
    Body,
    Headers,
    Unreachable,
}

fn end(result: &Result<HttpResponse, HttpRefusal>) -> Option<End> {
    match result {
        Err(HttpRefusal::TimedOut) => Some(End::TimedOut),
        Err(HttpRefusal::TooLarge("http_response_bytes")) => Some(End::Body),
        Err(HttpRefusal::TooLarge("http_header_bytes")) => Some(End::Headers),
        Err(HttpRefusal::Unreachable(_)) => Some(End::Unreachable),
        Ok(_) | Err(_) => None,
    }
}

fn wide_header(bytes: usize) -> String {
    format!("{HEAD}x: {}\r\ncontent-length: 0\r\n\r\n", "a".repeat(bytes))
}

fn many_headers(count: usize) -> String {
    format!("{HEAD}{}content-length: 0\r\n\r\n", "x: y\r\n".repeat(count))
}

/// Each is asked for 100 000 bytes, and those that are to be too late with a deadline of half a second.
fn hostile_servers() -> Vec<(&'static str, Script, &'static [End])> {
    use End::{Body, Headers, TimedOut, Unreachable};
    vec![
        ("never answers", drip("", ""), &[TimedOut]),
        ("drips its status", drip("HTTP/1.1 200 ", "O"), &[TimedOut]),
        ("drips its headers", drip(HEAD, "x-drip: 1\r\n"), &[TimedOut]),
        ("drips one header", drip("HTTP/1.1 200 OK\r\nx: ", "a"), &[TimedOut]),
        ("drips its body", drip("HTTP/1.1 200 OK\r\ncontent-length: 90000\r\n\r\n", "a"), &[TimedOut]),
        ("drips a body without end", drip(ENDLESS, "a"), &[TimedOut]),
        ("drips chunks", drip(CHUNKED, "1\r\na\r\n"), &[TimedOut]),
        ("drips a chunk's size", drip(CHUNKED, "0"), &[TimedOut, Unreachable]),
        ("asks to go on, for ever", drip("", "HTTP/1.1 100 Continue\r\n\r\n"), &[TimedOut]),
        ("asks to go on, in a flood", flood("", "HTTP/1.1 100 Continue\r\n\r\n"), &[TimedOut, Unreachable]),
        ("sends a status without end", flood("HTTP/1.1 200 ", "O"), &[Unreachable]),
        ("sends headers without end", flood(HEAD, "x: y\r\n"), &[Unreachable]),
        ("sends one header without end", flood("HTTP/1.1 200 OK\r\nx: ", "a"), &[Unreachable]),
        ("sends a body without end", flood(ENDLESS, "a"), &[Body]),
        ("sends chunks without end", flood(CHUNKED, "4\r\naaaa\r\n"), &[Body]),
        ("announces too much", once("HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n"), &[Body]),
        (
            "announces more than there is",
            once("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123"),
            &[Unreachable],
        ),
        (
            "announces two lengths",
            once("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12"),
            &[Unreachable],
        ),
        ("announces no number", once("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), &[Unreachable]),
        ("has a chunk of all memory", once(&format!("{CHUNKED}ffffffffffffffff\r\n")), &[Unreachable, Body]),
        ("has a chunk without number", once(&format!("{CHUNKED}fffffffffffffffff\r\n")), &[Unreachable]),
        ("has a header of 70 000 bytes", once(&wide_header(70_000)), &[Headers]),
        ("has a thousand headers", once(&many_headers(1000)), &[Headers, Unreachable]),
        ("speaks another protocol", once("220 mail.example ESMTP\r\n"), &[Unreachable]),
        ("speaks the first HTTP", once("<html>hello</html>"), &[Unreachable]),
        ("says nothing and hangs up", once(""), &[Unreachable]),
    ]
}

#[tokio::test]
async fn no_server_keeps_or_floods_whoever_asks_it() {
    for (what, script, ends) in hostile_servers() {
        let server = Server::giving(script).await;
        // Those that another limit stops are stopped by that one, also on a machine that does other things.
        let http_total = Duration::from_millis(if ends.contains(&End::TimedOut) { 500 } else { 60_000 });
        let limits = Limits { http_total, http_response_bytes: 100_000, ..Limits::default() };
        let result = server.asked(&limits).await;
        assert!(end(&result).is_some_and(|end| ends.contains(&end)), "{what}: {result:?}");
        if let Err(HttpRefusal::Unreachable(why)) = &result {
            assert!(!why.contains("t0ken"), "{what}: {why}");
        }
    }
}

#[tokio::test]
async fn bodies_end_at_the_limit_whether_announced_or_not() {
    for script in [
        answer("200 OK", "123"),
        once(&format!("{ENDLESS}123")),
        once(&format!("{CHUNKED}3\r\n123\r\n0\r\n\r\n")),
    ] {
        let server = Server::giving(script).await;
        let at = Limits { http_response_bytes: 3, ..Limits::default() };
        let past = Limits { http_response_bytes: 2, ..Limits::default() };
        assert_eq!(server.asked(&at).await.unwrap().body, b"123");
        assert!(matches!(server.asked(&past).await, Err(HttpRefusal::TooLarge("http_response_bytes"))));
    }
}

/// Where a redirect would lead.
const INWARD: &[&str] = &[
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:1/",
    "http://[::1]:1/",
    "//127.0.0.1:1/",
    "/elsewhere",
    "file:///etc/passwd",
];

#[tokio::test]
async fn a_redirect_is_given_back_and_never_followed() {
    for location in INWARD {
        for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
            let text = format!(
                "HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            let server = Server::giving(once(&text)).await;
            let answered = server.asked(&Limits::default()).await.unwrap();
            assert_eq!(answered.status.to_string(), status[..3]);
            assert!(answered.headers.iter().any(|(name, value)| name == "location" && value == location));
            assert_eq!(server.requests(), 1, "{location}");
        }
    }
}

#[tokio::test]
async fn a_protocol_that_nobody_asked_for_is_not_spoken() {
    let text = "HTTP/1.1 101 Switching Protocols\r\nupgrade: raw\r\nconnection: upgrade\r\n\r\nhello";
    let server = Server::giving(once(text)).await;
    let result = server.asked(&Limits::default()).await;
    assert!(matches!(&result, Err(HttpRefusal::Unreachable(_))), "{result:?}");
}

/// Nothing is unpacked here: a hundred megabytes of zeros stay a hundred kilobytes, and the plugin has limits of its own.
#[tokio::test]
async fn a_compressed_bomb_is_handed_on_packed() {
    // What gzip makes of zeros: blocks of 258 of them, in about two bits each.
    let packed =
        [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3].iter().copied().chain([0xed; 60_000]).collect::<Vec<u8>>();
    let mut begin = Vec::new();
    write!(begin, "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len())
        .unwrap();
    begin.extend_from_slice(&packed);
    let server = Server::giving(Script { begin, again: None }).await;
    let limits = Limits { http_response_bytes: 100_000, ..Limits::default() };
    let answered = server.asked(&limits).await.unwrap();
    assert_eq!(answered.body, packed);
    assert!(answered.headers.iter().any(|(name, value)| name == "content-encoding" && value == "gzip"));
}

#[tokio::test]
async fn headers_of_the_hop_stay_with_the_host() {
    let text = "HTTP/1.1 200 OK\r\nx-a: b\r\nkeep-alive: timeout=5\r\ntrailer: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
    let server = Server::giving(once(text)).await;
    let answered = server.asked(&Limits::default()).await.unwrap();
    let names: Vec<&str> = answered.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-a", "content-length"]);
}

#[tokio::test]
async fn a_closed_port_is_unreachable_and_no_token_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    drop(listener);
    let request = get(&format!("{origin}/?access_token=t0ken"));
    let refused = send(vec![granted(&origin, true)], request, &Limits::default()).await;
    let Err(HttpRefusal::Unreachable(why)) = refused else { panic!("{refused:?}") };
    assert!(!why.contains("t0ken"), "{why}");
}

/// One connection's requests wait for each other, within the same deadline, and for nobody else's.
#[tokio::test]
async fn a_mute_server_takes_the_room_of_its_own_connection_alone() {
    let (mute, healthy) = (Server::giving(drip("", "")).await, Server::giving(answer("200 OK", "hi")).await);
    let limits = Limits { http_in_flight: 2, http_total: Duration::from_secs(2), ..Limits::default() };
    let grants =
        || [&mute, &healthy].map(|server| granted(&format!("http://127.0.0.1:{}", server.port), true));
    let one = Http::new(grants().to_vec(), &limits).unwrap();
    let other = Http::new(grants().to_vec(), &limits).unwrap();
    let ask = |http: &Http, server: &Server| {
        let (http, request, limits) = (http.clone(), get(&server.url()), limits.clone());
        async move { http.send(request, &limits).await }
    };
    let stuck = [tokio::spawn(ask(&one, &mute)), tokio::spawn(ask(&one, &mute))];
    while mute.requests() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask(&other, &healthy).await.unwrap().status, 200);
    for stuck in stuck {
        assert!(matches!(stuck.await.unwrap(), Err(HttpRefusal::TimedOut)));
    }
    assert_eq!(ask(&one, &healthy).await.unwrap().status, 200);
}

#[tokio::test]
async fn what_is_asked_is_what_the_server_reads() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let reading = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\nbody") {
            stream.read_buf(&mut read).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
        String::from_utf8(read).unwrap().to_lowercase()
    });
    let request = HttpRequest {
        method: "POST".to_owned(),
        url: format!("http://127.0.0.1:{port}/a%2fb?c=%26#fragment"),
        headers: vec![("x-a".to_owned(), "b".to_owned())],
        body: Some(b"body".to_vec()),
    };
    let grant = granted(&format!("http://127.0.0.1:{port}"), true);
    assert_eq!(send(vec![grant], request, &Limits::default()).await.unwrap().status, 204);
    let read = reading.await.unwrap();
    assert!(read.starts_with("post /a%2fb?c=%26 http/1.1\r\n"), "{read}");
    assert_eq!(read.matches("host:").count(), 1, "{read}");
    assert!(!read.contains("accept-encoding"), "{read}");
}
