//! Names that lead elsewhere than they say.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::servers::{Server, answer};
use super::{get, granted, send, with_names};
use crate::http::network::LookUp;
use crate::http::{HttpRefusal, HttpResponse};
use crate::limits::Limits;

/// Answers the first look-up with the first list, and so on; the last one again and again.
fn telling(answers: &'static [&'static [&'static str]], asked: &Arc<AtomicUsize>) -> LookUp {
    let asked = Arc::clone(asked);
    Arc::new(move |_host| {
        let at = asked.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let address = |text: &&str| SocketAddr::new(text.parse::<IpAddr>().unwrap(), 0);
        let found: io::Result<Vec<SocketAddr>> = Ok(answers[at].iter().map(address).collect());
        Box::pin(async move { found })
    })
}

fn short() -> Limits {
    Limits {
        http_connect: Duration::from_millis(300),
        http_total: Duration::from_secs(5),
        ..Limits::default()
    }
}

async fn ask(
    answers: &'static [&'static [&'static str]],
    inward: bool,
    port: u16,
) -> Result<HttpResponse, HttpRefusal> {
    let origin = format!("http://shop.example:{port}");
    let limits = short();
    let http = with_names(vec![granted(&origin, inward)], &limits, &telling(answers, &Arc::default()));
    http.send(get(&origin), &limits).await
}

/// A name's addresses, and what is said of the one that must not be dialled.
const LEADING_ASTRAY: &[(&[&[&str]], &str)] = &[
    (&[&["127.0.0.1"]], "inward = true"),
    (&[&["10.0.0.1"]], "inward = true"),
    (&[&["192.168.0.1"]], "inward = true"),
    (&[&["169.254.1.1"]], "inward = true"),
    (&[&["::1"]], "inward = true"),
    (&[&["fe80::1"]], "inward = true"),
    (&[&["fd00::1"]], "inward = true"),
    (&[&["::ffff:127.0.0.1"]], "inward = true"),
    (&[&["64:ff9b::10.0.0.1"]], "inward = true"),
    (&[&["2002:7f00:1::"]], "inward = true"),
    (&[&["169.254.169.254"]], "never reached"),
    (&[&["100.100.100.200"]], "never reached"),
    (&[&["fd00:ec2::254"]], "never reached"),
    (&[&["::ffff:169.254.169.254"]], "never reached"),
    (&[&["0.0.0.0"]], "never reached"),
    // One public and one private address, in whatever order: which is dialled would be chance.
    (&[&["1.1.1.1", "10.0.0.1"]], "inward = true"),
    (&[&["10.0.0.1", "1.1.1.1"]], "inward = true"),
    (&[&["1.1.1.1", "2606:4700::1111", "::1"]], "inward = true"),
    (&[&["1.1.1.1", "169.254.169.254"]], "never reached"),
    (&[&["2606:4700::1111", "64:ff9b::169.254.169.254"]], "never reached"),
];

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_and_so_is_one_that_leads_both_ways() {
    let server = Server::giving(answer("200 OK", "inside")).await;
    for (answers, said) in LEADING_ASTRAY {
        let refused = ask(answers, false, server.port).await;
        assert!(
            matches!(&refused, Err(HttpRefusal::NotGranted(why)) if why.contains(said) && why.contains("shop.example")),
            "{answers:?}: {refused:?}"
        );
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_grant_that_reaches_inside_reaches_no_metadata_service_beside() {
    let server = Server::giving(answer("200 OK", "inside")).await;
    assert!(ask(&[&["127.0.0.1"]], true, server.port).await.is_ok());
    let refused = ask(&[&["127.0.0.1", "169.254.169.254"]], true, server.port).await;
    assert!(matches!(&refused, Err(HttpRefusal::NotGranted(why)) if why.contains("never")), "{refused:?}");
    assert_eq!(server.requests(), 1);
}

/// The first answer is public, and a look-up later it would be this machine: there is none. At the next request it is judged
/// anew.
#[tokio::test]
async fn a_name_that_changes_between_the_check_and_the_call_is_asked_once() {
    const CHANGING: &[&[&str]] = &[&["3ffe::1"], &["127.0.0.1"]];
    let server = Server::giving(answer("200 OK", "inside")).await;
    let origin = format!("http://shop.example:{}", server.port);
    let (limits, asked) = (short(), Arc::new(AtomicUsize::new(0)));
    let http = with_names(vec![granted(&origin, false)], &limits, &telling(CHANGING, &asked));
    // Nobody answers there.
    let first = http.send(get(&origin), &limits).await;
    assert!(matches!(first, Err(HttpRefusal::TimedOut | HttpRefusal::Unreachable(_))), "{first:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let second = http.send(get(&origin), &limits).await;
    assert!(matches!(&second, Err(HttpRefusal::NotGranted(why)) if why.contains("127.0.0.1")), "{second:?}");
    assert_eq!((asked.load(Ordering::SeqCst), server.requests()), (2, 0));
}

#[tokio::test]
async fn a_name_of_this_machine_needs_a_grant_that_says_so() {
    let server = Server::giving(answer("200 OK", "hi")).await;
    for host in ["localhost", "LOCALHOST.", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"] {
        let url = format!("http://{host}:{}/", server.port);
        let refused = send(vec![granted(&url, false)], get(&url), &short()).await;
        assert!(
            matches!(&refused, Err(HttpRefusal::NotGranted(why)) if why.contains("inward")),
            "{host}: {refused:?}"
        );
        let answered = send(vec![granted(&url, true)], get(&url), &short()).await.unwrap();
        assert_eq!((answered.status, answered.body.as_slice()), (200, &b"hi"[..]));
    }
}
