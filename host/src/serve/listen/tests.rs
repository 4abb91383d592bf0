//! What strangers may do to a door, over real sockets.

use std::path::PathBuf;

use axum::routing::{get, post};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use super::*;
use crate::serve::tls::Renewal;

/// Time enough for a machine that does other things, for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Short, for what must be given up.
const SHORT: Duration = Duration::from_millis(200);

/// Long, for what a test does not mean to run out.
const LONG: Duration = Duration::from_secs(600);

const LIMITS: DoorLimits = DoorLimits { connections_max: 16, head_within: LONG, write_within: LONG };

/// Bytes of an answer that no socket takes at once.
const LARGE: usize = 64 << 20;

struct Opened {
    at: SocketAddr,
    room: Arc<Semaphore>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn opened(limits: DoorLimits, certificate: Option<Certificate>) -> Opened {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let room = Arc::new(Semaphore::new(limits.connections_max));
    let routes = Router::new()
        .route("/", get(async || "here"))
        .route("/large", get(async || vec![b'x'; LARGE]))
        .route("/echo", post(async |body: String| body));
    let task = tokio::spawn(open(Door { listener, certificate }, routes, limits, Arc::clone(&room), stopped));
    Opened { at, room, stop, task }
}

impl Opened {
    async fn say(&self, words: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_all(words).await.unwrap();
        stream
    }
}

/// Everything until the other side ends the connection.
async fn heard(mut stream: TcpStream) -> String {
    let mut heard = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
    // A reset is an end as well.
    drop(read.expect("the connection is ended"));
    String::from_utf8_lossy(&heard).into_owned()
}

fn request(headers: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n").into_bytes()
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let opened = opened(DoorLimits { head_within: SHORT, ..LIMITS }, None).await;
    let answer = heard(opened.say(b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ").await).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    assert_eq!(heard(opened.say(b"").await).await, "", "nor one that does not begin");
    let answer = heard(opened.say(&request("")).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_says_nothing_between_two_requests_is_ended() {
    let opened = opened(DoorLimits { head_within: SHORT, ..LIMITS }, None).await;
    let answer = heard(opened.say(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("here"), "{answer}");
}

#[tokio::test]
async fn a_head_has_a_size_and_a_number_of_headers() {
    let opened = opened(LIMITS, None).await;
    // hyper reads in steps, so its limit is met somewhere behind the number.
    for (bytes, taken) in [(HEAD_BYTES_MAX - 200, true), (3 * HEAD_BYTES_MAX, false)] {
        let answer = heard(opened.say(&request(&format!("x: {}\r\n", "v".repeat(bytes)))).await).await;
        assert_eq!(answer.starts_with("HTTP/1.1 200 OK"), taken, "{bytes}: {answer}");
    }
    for (count, taken) in [(HEADERS_READ_MAX, true), (HEADERS_READ_MAX + 1, false)] {
        let headers: String = (2..count).map(|number| format!("x-{number}: v\r\n")).collect();
        let answer = heard(opened.say(&request(&headers)).await).await;
        assert_eq!(answer.starts_with("HTTP/1.1 200 OK"), taken, "{count}: {answer}");
        assert!(taken || answer.starts_with("HTTP/1.1 431 "), "{count}: {answer}");
    }
}

#[tokio::test]
async fn past_the_number_of_connections_one_is_told_so_and_has_room_later() {
    let opened = opened(DoorLimits { connections_max: 2, ..LIMITS }, None).await;
    let (first, second) = (opened.say(b"GET").await, opened.say(b"GET").await);
    while opened.room.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let answer = heard(opened.say(&request("")).await).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") || answer.is_empty(), "{answer}");
    drop(first);
    drop(tokio::time::timeout(PATIENCE, opened.room.acquire()).await.unwrap().unwrap());
    let answer = heard(opened.say(&request("")).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    drop(second);
}

#[tokio::test]
async fn who_does_not_read_its_answer_does_not_hold_its_place() {
    let limits = DoorLimits { connections_max: 1, write_within: SHORT, ..LIMITS };
    let opened = opened(limits, None).await;
    let held = opened.say(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await;
    while opened.room.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    drop(tokio::time::timeout(PATIENCE, opened.room.acquire()).await.expect("the place is free again"));
    drop(held);
}

#[tokio::test]
async fn what_is_under_way_is_answered_before_the_door_is_closed() {
    let opened = opened(LIMITS, None).await;
    let mut stream = opened.say(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhe").await;
    let idle = opened.say(b"").await;
    while opened.room.available_permits() > LIMITS.connections_max - 2 {
        tokio::task::yield_now().await;
    }
    // The head is read before it is told to stop: an answer to it shows so.
    let mut other = opened.say(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut byte = [0];
    other.read_exact(&mut byte).await.unwrap();
    opened.stop.send_replace(true);
    assert_eq!(heard(idle).await, "");
    stream.write_all(b"llo").await.unwrap();
    let answer = heard(stream).await;
    assert!(answer.ends_with("hello"), "{answer}");
    tokio::time::timeout(PATIENCE, opened.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(opened.at).await.is_err());
}

/// Files of certificates, made here.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a fresh one, and gives it.
    fn renew(&self, name: &str) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(self.path(&format!("{name}.crt")), made.cert.pem()).unwrap();
        std::fs::write(self.path(&format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    fn config(&self, text: &str) -> Config {
        let path = self.path("heliu.toml");
        std::fs::write(&path, text).unwrap();
        config::load(&path).unwrap()
    }
}

/// A client that believes this certificate alone, by its name.
fn believing(certificate: &CertificateDer<'static>) -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).timeout(PATIENCE).build().unwrap()
}

async fn ask(client: &reqwest::Client, at: SocketAddr) -> Option<String> {
    let answer = client.get(format!("https://localhost:{}/", at.port())).send().await.ok()?;
    answer.text().await.ok()
}

const WITH_TLS: &str = "[tls]\ncert = \"one.crt\"\nkey = \"one.key\"\n";

#[tokio::test]
async fn with_a_certificate_the_door_speaks_tls_and_takes_a_new_one_while_it_is_open() {
    let files = Files::new();
    let first = files.renew("one");
    let config = files.config(WITH_TLS);
    let certificates = Certificates::load(&config).unwrap();
    let opened = opened(LIMITS, certificates.hooks.clone()).await;
    assert_eq!(ask(&believing(&first), opened.at).await.as_deref(), Some("here"));
    let plain = heard(opened.say(&request("")).await).await;
    assert!(!plain.contains("here"), "{plain}");
    let old = believing(&first);
    let second = files.renew("one");
    assert_eq!(ask(&believing(&second), opened.at).await, None, "nothing has been read yet");
    certificates.renew(Renewal::read(&config).unwrap());
    assert_eq!(ask(&believing(&second), opened.at).await.as_deref(), Some("here"));
    assert_eq!(ask(&old, opened.at).await, None);
}

#[tokio::test]
async fn a_greeting_that_does_not_come_is_not_waited_for() {
    let files = Files::new();
    files.renew("one");
    let certificates = Certificates::load(&files.config(WITH_TLS)).unwrap();
    let opened = opened(DoorLimits { head_within: SHORT, ..LIMITS }, certificates.hooks).await;
    assert_eq!(heard(opened.say(b"").await).await, "");
    assert_eq!(heard(opened.say(&[0x16, 3, 1]).await).await, "");
}

#[test]
fn a_certificate_that_does_not_hold_is_named_and_no_key_is_shown() {
    let files = Files::new();
    files.renew("one");
    files.renew("two");
    let error = |config: &Config| format!("{:#}", Certificates::load(config).err().unwrap());
    let mixed = files.config("[tls]\ncert = \"one.crt\"\nkey = \"two.key\"\n");
    let told = error(&mixed);
    assert!(told.contains("[tls]") && told.contains("one.crt") && told.contains("two.key"), "{told}");
    let config = files.config(WITH_TLS);
    std::fs::write(files.path("one.key"), "s3cr3t").unwrap();
    let told = error(&config);
    assert!(told.contains("one.key has no private key") && !told.contains("s3cr3t"), "{told}");
    std::fs::write(files.path("one.crt"), "nothing").unwrap();
    assert!(error(&config).contains("one.crt has no certificate"), "{}", error(&config));
}

#[tokio::test]
async fn the_apis_own_door_has_its_own_certificate_or_the_others() {
    let files = Files::new();
    files.renew("one");
    files.renew("two");
    let apart = "[api]\nlisten = \"127.0.0.1:0\"\n";
    let listen = "listen = \"127.0.0.1:0\"\n";
    for (text, tls) in [
        (format!("{listen}{apart}"), [false, false]),
        (format!("{listen}{WITH_TLS}{apart}"), [true, true]),
        (format!("{listen}{apart}[api.tls]\ncert = \"two.crt\"\nkey = \"two.key\"\n"), [false, true]),
    ] {
        let config = files.config(&text);
        let certificates = Certificates::load(&config).unwrap();
        let listening = Doors::bind(&config, &certificates).await.unwrap().listening().unwrap();
        assert_eq!([listening.hooks.tls, listening.api.tls], tls, "{text}");
        assert_ne!(listening.hooks.at, listening.api.at);
    }
    let together = files.config(&format!("{listen}{WITH_TLS}"));
    let certificates = Certificates::load(&together).unwrap();
    let listening = Doors::bind(&together, &certificates).await.unwrap().listening().unwrap();
    assert_eq!(listening.hooks, listening.api);
    assert_eq!(listening.api.to_string(), format!("https://{}", listening.api.at));
}
