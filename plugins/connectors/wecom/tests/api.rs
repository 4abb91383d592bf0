//! What a cassette cannot show: a call that is answered differently the second time, a memory that holds something,
//! a host that refuses. And that no text that leaves the connector has a secret in it.

use std::collections::{BTreeMap, VecDeque};

use heliu_sdk::chores::{Chore, Harvest};
use heliu_sdk::events::Instant;
use heliu_sdk::faults::Fault;
use heliu_sdk::http::{Failure, Request, Response};
use heliu_sdk::log::Level;
use heliu_sdk::{ChoreWorker, Host};
use wecom::{Settings, Wecom};

const SECRET: &str = "the-secret";
const OK: &str = r#"{"errcode":0,"external_contact":{"name":"n"},"follow_user":[]}"#;

/// Answers in order; remembers.
#[derive(Default)]
struct Script {
    answers: VecDeque<Result<&'static str, Failure>>,
    asked: Vec<String>,
    memory: BTreeMap<String, (Vec<u8>, Option<u64>)>,
    log: String,
}

impl Script {
    fn of(answers: impl IntoIterator<Item = Result<&'static str, Failure>>) -> Script {
        Script { answers: answers.into_iter().collect(), ..Script::default() }
    }

    /// The calls, without what stands before their path.
    fn asked(&self) -> Vec<&str> {
        self.asked.iter().filter_map(|url| url.split_once("/cgi-bin/")).map(|(_, rest)| rest).collect()
    }

    fn work(&mut self) -> Result<Harvest, Fault> {
        let settings = format!(
            r#"{{"corp_id":"ww1","token":"t","encoding_aes_key":"k","secret":"{SECRET}","api_base":"https://api.test/"}}"#
        );
        let settings: Settings = serde_json::from_str(&settings).unwrap_or_else(|error| panic!("{error}"));
        let job = r#"{"job":"profile","external_userid":"wm1"}"#.to_owned();
        Wecom::work(&settings, Chore { key: "profile:wm1".to_owned(), due: None, job }, self)
    }
}

impl Host for Script {
    fn send(&mut self, request: Request) -> Result<Response, Failure> {
        self.asked.push(request.url);
        let answer = self.answers.pop_front().unwrap_or_else(|| panic!("nobody answers {:?}", self.asked));
        answer.map(|body| Response { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() })
    }

    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.memory.get(key).map(|(value, _)| value.clone())
    }

    fn set(&mut self, key: &str, value: &[u8], ttl_ms: Option<u64>) {
        self.memory.insert(key.to_owned(), (value.to_owned(), ttl_ms));
    }

    /// Calls come one by one here: nobody waits.
    fn hold(&mut self, _key: &str) {}

    fn delete(&mut self, key: &str) {
        self.memory.remove(key);
    }

    fn now(&mut self) -> Instant {
        1_767_230_017_000
    }

    fn random(&mut self, _: u32) -> Vec<u8> {
        panic!("reading needs no random bytes")
    }

    fn log(&mut self, _: Level, text: &str) {
        self.log.push_str(text);
    }
}

const TOKEN_1: &str = r#"{"errcode":0,"access_token":"tok-1","expires_in":7200}"#;
const TOKEN_2: &str = r#"{"errcode":0,"access_token":"tok-2","expires_in":120}"#;
const EXPIRED: &str = r#"{"errcode":42001,"errmsg":"access_token expired"}"#;

#[test]
fn a_token_is_kept_until_shortly_before_its_end() {
    let mut host = Script::of([Ok(TOKEN_1), Ok(OK), Ok(OK)]);
    assert!(host.work().is_ok() && host.work().is_ok());
    let get = "externalcontact/get?access_token=tok-1&external_userid=wm1";
    assert_eq!(host.asked(), ["gettoken?corpid=ww1&corpsecret=the-secret", get, get]);
    assert_eq!(host.memory.values().collect::<Vec<_>>(), [&(b"tok-1".to_vec(), Some(6_900_000))]);
    assert!(!host.memory.keys().any(|key| key.contains(SECRET)));
}

#[test]
fn an_expired_token_is_renewed_once_and_the_call_made_again() {
    let mut host = Script::of([Ok(TOKEN_1), Ok(OK), Ok(EXPIRED), Ok(TOKEN_2), Ok(OK)]);
    assert!(host.work().is_ok() && host.work().is_ok());
    assert_eq!(
        host.asked()[2..],
        [
            "externalcontact/get?access_token=tok-1&external_userid=wm1",
            "gettoken?corpid=ww1&corpsecret=the-secret",
            "externalcontact/get?access_token=tok-2&external_userid=wm1",
        ]
    );
    // However short its life: not renewed for every call.
    assert_eq!(host.memory.values().collect::<Vec<_>>(), [&(b"tok-2".to_vec(), Some(60_000))]);
}

#[test]
fn a_second_refusal_is_unauthorised() {
    let mut host = Script::of([Ok(TOKEN_1), Ok(EXPIRED), Ok(TOKEN_2), Ok(r#"{"errcode":40014}"#)]);
    assert!(matches!(host.work(), Err(Fault::Unauthorised(_))));
    assert!(host.answers.is_empty());
}

#[test]
fn a_cursor_that_is_refused_begins_again_once() {
    let page = r#"{"errcode":0,"external_contact":{},"follow_user":[{"userid":"a"}],"next_cursor":"c1"}"#;
    let last = r#"{"errcode":0,"external_contact":{},"follow_user":[{"userid":"b"}]}"#;
    let refused = r#"{"errcode":40058}"#;
    let mut host = Script::of([Ok(TOKEN_1), Ok(page), Ok(refused), Ok(page), Ok(last)]);
    let staff =
        host.work().map(|harvest| harvest.events.into_iter().filter_map(|event| event.staff).collect());
    assert_eq!(staff, Ok(vec!["a".to_owned(), "b".to_owned()]));
    let mut host = Script::of([Ok(TOKEN_1), Ok(page), Ok(refused), Ok(page), Ok(refused)]);
    assert!(matches!(host.work(), Err(Fault::Malformed(_))));
}

#[test]
fn a_cursor_that_never_ends_is_given_up() {
    let page = r#"{"errcode":0,"external_contact":{},"next_cursor":"c1"}"#;
    let mut host = Script::of(std::iter::once(Ok(TOKEN_1)).chain((0..40).map(|_| Ok(page))));
    assert!(matches!(host.work(), Err(Fault::Malformed(_))));
    assert!(host.answers.is_empty());
}

#[test]
fn what_is_not_granted_is_misconfigured_and_named() {
    let mut host = Script::of([Err(Failure::NotGranted("https://api.test".into()))]);
    match host.work() {
        Err(Fault::Misconfigured(why)) => assert!(why.contains("https://api.test"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_fault_tells_the_secret_or_a_token() {
    let failures = || {
        [
            Err(Failure::TimedOut),
            Err(Failure::TooLarge),
            Err(Failure::Unreachable("https://api.test/cgi-bin/gettoken?corpsecret=the-secret tok-1".into())),
            Err(Failure::NotGranted("https://api.test/cgi-bin/gettoken?corpsecret=the-secret tok-1".into())),
            Ok("the-secret tok-1"),
            Ok(r#"{"errcode":0,"access_token":["tok-1"],"external_contact":["the-secret"]}"#),
            Ok(r#"{"errcode":0,"external_contact":"the-secret"}"#),
        ]
    };
    for failure in failures() {
        let mut hosts = [Script::of([failure.clone()]), Script::of([Ok(TOKEN_1), failure])];
        for host in &mut hosts {
            let told = format!("{:?} {}", host.work(), host.log);
            assert!(told.starts_with("Err"), "{told}");
            assert!(!told.contains(SECRET) && !told.contains("tok-1"), "{told}");
        }
    }
}
