//! One call of the channel: is it theirs, what does it say, what are they told.
//!
//! Until the signature has held nothing of the call is believed and nothing is kept: a stranger must not be able to
//! fill the dead letters. After that, what cannot be read is kept, and answered with a success: the platform sends a
//! push three times in all and never again, and the same text will not read better in five seconds.

use heliu_sdk::Host;
use heliu_sdk::chores::Harvest;
use heliu_sdk::connector::{Complaint, Reception, Refusal, Request, Response};
use heliu_sdk::log::Level;

use crate::crypto::{self, Opened};
use crate::push::{self, Push};
use crate::settings::Settings;
use crate::{envelope, facts, query};

/// Bytes that an address check may ask for; the known ones are numbers of twenty digits. A push is signed in the same
/// way and longer than this. Without a limit, whoever got hold of one could send it back as a check and read it.
const ECHO_MAX: usize = 128;
/// Characters of a stranger's receive id that the log shows.
const SHOWN_MAX: usize = 80;

/// Receives the address check (GET) and pushes (POST).
pub fn receive(settings: &Settings, request: &Request, host: &mut dyn Host) -> Result<Reception, Refusal> {
    match request.method.as_str() {
        "GET" => check_address(settings, request, host),
        "POST" => take_push(settings, request, host),
        other => Err(Refusal::NotAuthentic(format!("the method is {other}; callbacks are GET or POST"))),
    }
}

/// The console wants the decrypted text back within a second, byte for byte: no quotes, no line break.
fn check_address(settings: &Settings, request: &Request, host: &mut dyn Host) -> Result<Reception, Refusal> {
    let encrypted = wanted(request, "echostr")?;
    verify(settings, request, &encrypted)?;
    // A person at the console waits for this answer, nobody tries again: let it see the failure.
    let opened = open(settings, &encrypted, 400, host)?;
    if opened.text.len() > ECHO_MAX {
        return Err(Refusal::NotAuthentic(format!("{} bytes are no address check", opened.text.len())));
    }
    let headers = vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())];
    Ok(Reception { kept: nothing(), answer: Response { status: 200, headers, body: opened.text } })
}

/// Where a suite's newest ticket is kept in the connection's memory, and for how long the platform honours it.
const SUITE_TICKET: &str = "suite-ticket";
const SUITE_TICKET_LIFE_MS: u64 = 30 * 60 * 1000;

fn take_push(settings: &Settings, request: &Request, host: &mut dyn Host) -> Result<Reception, Refusal> {
    let encrypted = envelope::encrypted(&request.body)
        .ok_or_else(|| Refusal::NotAuthentic("the body has no encrypted text".into()))?;
    let timestamp = verify(settings, request, &encrypted)?;
    let opened = open(settings, &encrypted, 200, host)?;
    let mut push = Push::read(&opened).map_err(|error| malformed(200, error.to_string()))?;
    if push.at.is_none() {
        // The moment of delivery, which the signature vouches for; later than the fact by a retry at most.
        push.at = push::instant(&timestamp);
    }
    if let Some(ticket) = push.text("SuiteTicket") {
        // For whoever fetches the suite's token; the next ticket comes within ten minutes.
        host.set(SUITE_TICKET, ticket.as_bytes(), Some(SUITE_TICKET_LIFE_MS));
    }
    let kept = facts::read(&push, settings, host);
    // An app's push is received with the status alone; a suite's wants this word.
    let body = if push.is_suite { "success" } else { "" };
    Ok(Reception { kept, answer: Response::text(200, body) })
}

/// Checks the signature. Gives the timestamp that it covers.
fn verify(settings: &Settings, request: &Request, encrypted: &str) -> Result<String, Refusal> {
    let signature = wanted(request, "msg_signature")?;
    let timestamp = wanted(request, "timestamp")?;
    let nonce = wanted(request, "nonce")?;
    if crypto::is_signed(&signature, &settings.token, &timestamp, &nonce, encrypted) {
        Ok(timestamp)
    } else {
        Err(Refusal::NotAuthentic("the signature does not hold".into()))
    }
}

fn wanted(request: &Request, name: &str) -> Result<String, Refusal> {
    query::value(&request.query, name)
        .ok_or_else(|| Refusal::NotAuthentic(format!("the query has no {name}")))
}

fn open(settings: &Settings, encrypted: &str, status: u16, host: &mut dyn Host) -> Result<Opened, Refusal> {
    // Ours to mend, not theirs: a failure, so that they deliver again.
    let key = settings.key().map_err(|why| malformed(500, why))?;
    let opened = key.open(encrypted).map_err(|error| malformed(status, error.to_string()))?;
    if settings.receives(&opened.receive_id) {
        return Ok(opened);
    }
    let found: String = String::from_utf8_lossy(&opened.receive_id).chars().take(SHOWN_MAX).collect();
    let why = format!("meant for {found:?}, which is not among the accepted receive ids");
    // Whoever sets up a suite finds the right value here.
    host.log(Level::Warn, &format!("{why}; setting receive_ids"));
    Err(Refusal::NotAuthentic(why))
}

fn malformed(status: u16, why: String) -> Refusal {
    Refusal::Malformed(Complaint { why, answer: Response::text(status, "") })
}

fn nothing() -> Harvest {
    Harvest { events: Vec::new(), chores: Vec::new() }
}
