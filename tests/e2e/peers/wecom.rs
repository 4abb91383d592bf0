//! WeCom's callbacks: two libraries of others in the place of the platform.
//!
//! The connector answers an address check with the text inside, and a push with nothing or with `success`: it has no
//! encrypted reply that a peer could open. What it seals, it seals in its goldens; those are opened here.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tests::brand::START_MS;
use tests::tenant::WECOM;
use tests::wecom::Seal;
use tests::{Tenant, host};

use super::ask;
use crate::stage::{Stage, added, event_ids};

const AT_S: u64 = START_MS / 1000;
const CUSTOMER: &str = "wmFabLeAAAq1Zt0pRv3mUo9Xk2LwYc7N";
const CORP: &str = "ww0fab1e5c0de5a17e";
const TOKEN: &str = "Scrm7HostTok";
/// Its last character has bits that belong to nothing, as most keys have.
const KEY: &str = "CAT9AG498DYt5BL5gHCQRgI0QX020VORWniVvAp3rJB";
const TIMESTAMP: &str = "1795140000";
const NONCE: &str = "880011223";

/// Scripts of `tests/peers/`.
const PEERS: [&str; 2] = ["wecom.py", "wecom.js"];

/// What both sides share.
#[derive(Clone, Copy)]
struct Shared {
    token: &'static str,
    key: &'static str,
    receive_id: &'static str,
}

const RIGHT: Shared = Shared { token: TOKEN, key: KEY, receive_id: CORP };

struct Sealed {
    encrypted: String,
    signature: String,
}

impl Sealed {
    fn query(&self) -> String {
        format!("msg_signature={}&timestamp={TIMESTAMP}&nonce={NONCE}", self.signature)
    }

    /// The platform's envelope: a library has none for it, as servers do not send it.
    fn envelope(&self) -> String {
        let encrypted = &self.encrypted;
        format!(
            "<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><AgentID><![CDATA[1000021]]></AgentID>\
             <Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
        )
    }

    fn question(&self, shared: Shared) -> Value {
        let Shared { token, key, receive_id } = shared;
        json!({
            "do": "open", "token": token, "key": key, "receive_id": receive_id,
            "encrypted": self.encrypted, "signature": self.signature, "timestamp": TIMESTAMP, "nonce": NONCE,
        })
    }
}

/// Lets a peer seal these texts.
async fn seal(peer: &str, shared: Shared, texts: &[&str]) -> Vec<Sealed> {
    let Shared { token, key, receive_id } = shared;
    let question = |text: &&str| {
        json!({
            "do": "seal", "token": token, "key": key, "receive_id": receive_id,
            "text": text, "timestamp": TIMESTAMP, "nonce": NONCE,
        })
    };
    let answers = ask(peer, &texts.iter().map(question).collect()).await;
    let field = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
    let sealed = answers.as_array().unwrap().iter();
    sealed
        .map(|answer| Sealed { encrypted: field(answer, "encrypted"), signature: field(answer, "signature") })
        .collect()
}

/// What a peer finds inside each; an error where it refuses.
async fn open(peer: &str, questions: &[Value]) -> Vec<Result<String, String>> {
    let answers = ask(peer, &Value::from(questions)).await;
    let read = |answer: &Value| match (answer["text"].as_str(), answer["refused"].as_str()) {
        (Some(text), None) => Ok(text.to_owned()),
        (None, Some(why)) => Err(why.to_owned()),
        _ => panic!("{peer}: {answer}"),
    };
    answers.as_array().unwrap().iter().map(read).collect()
}

async fn stage() -> Stage {
    Stage::set(&Tenant { policies: Vec::new(), ..Tenant::default() }).await
}

struct Wire {
    client: reqwest::Client,
    hook: String,
}

impl Wire {
    fn to(stage: &Stage) -> Wire {
        let client = tests::web::client(Duration::from_secs(10)).unwrap();
        Wire { client, hook: stage.host.hook(WECOM) }
    }

    async fn post(&self, sealed: &Sealed, body: String) -> (u16, String) {
        let url = format!("{}?{}", self.hook, sealed.query());
        let answer =
            self.client.post(url).header("content-type", "text/xml").body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn check_address(&self, sealed: &Sealed) -> (u16, String) {
        let echo = utf8_percent_encode(&sealed.encrypted, NON_ALPHANUMERIC);
        let url = format!("{}?{}&echostr={echo}", self.hook, sealed.query());
        let answer = self.client.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

fn events(stage: &Stage) -> Vec<Value> {
    let records = stage.records();
    let of = records.iter().filter_map(|record| record["entry"].get("event"));
    of.filter(|event| event["connection"] == WECOM).map(|event| event["event"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_check_the_address_and_read_their_own_text() {
    let stage = stage().await;
    let wire = Wire::to(&stage);
    // Of every length within a block: each pad from 1 to 32 is met.
    let echoes: Vec<String> =
        (1..=40).map(|length| "7310452298817730021".chars().cycle().take(length).collect()).collect();
    let echoes: Vec<&str> = echoes.iter().map(String::as_str).collect();
    for peer in PEERS {
        for (sealed, echo) in seal(peer, RIGHT, &echoes).await.iter().zip(&echoes) {
            assert_eq!(wire.check_address(sealed).await, (200, (*echo).to_owned()), "{peer}");
        }
    }
    assert_eq!(events(&stage), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_push_and_the_journal_has_what_they_said() {
    let add = stage_xml().await;
    let message = format!(
        "<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[heyan]]></FromUserName>\
         <CreateTime>{AT_S}</CreateTime><MsgType><![CDATA[text]]></MsgType>\
         <Content><![CDATA[在吗?👋 <b>&]]></Content><MsgId>7310452298817730021</MsgId></xml>"
    );
    for peer in PEERS {
        let stage = stage().await;
        let wire = Wire::to(&stage);
        for sealed in &seal(peer, RIGHT, &[&add, &message]).await {
            // An app's push is received with the status alone.
            assert_eq!(wire.post(sealed, sealed.envelope()).await, (200, String::new()), "{peer}");
        }
        let events = events(&stage);
        assert_eq!(events.len(), 2, "{peer}: {events:?}");
        let [added, said] = [&events[0], &events[1]];
        assert_eq!(added["at"], AT_S * 1000, "{peer}");
        let her = json!([{"scheme": "wecom.external-userid", "scope": CORP, "value": CUSTOMER}]);
        assert_eq!((&added["who"], &added["staff"]), (&her, &json!("linshen")), "{peer}");
        assert_eq!(added["fact"]["met"]["bond"], "added", "{peer}: {added}");
        assert_eq!(added["fact"]["met"]["state"], "ch-poster-03", "{peer}: {added}");
        assert_eq!(said["fact"]["did"]["kind"], "wecom.message.text", "{peer}: {said}");
        assert_eq!(said["extra"]["Content"], "在吗?👋 <b>&", "{peer}: {said}");
        assert_eq!(said["extra"]["MsgId"], "7310452298817730021", "{peer}: {said}");
    }
}

/// What the platform pushes when a customer adds a member of staff.
async fn stage_xml() -> String {
    let clock = tests::SimClock::at(START_MS);
    let sim = tests::WecomSim::start(tests::WecomConfig::demo(clock)).await.unwrap();
    sim.xml(&added(CUSTOMER, AT_S))
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_push_the_same_push_one_event() {
    let (stage, add) = (stage().await, stage_xml().await);
    let wire = Wire::to(&stage);
    for peer in PEERS {
        for sealed in &seal(peer, RIGHT, &[&add, &add]).await {
            assert_eq!(wire.post(sealed, sealed.envelope()).await.0, 200, "{peer}");
        }
    }
    assert!(stage.on.wecom.push_xml(&wire.hook, &add).await.unwrap().is_accepted());
    assert_eq!(event_ids(&stage.records(), WECOM).len(), 1);
}

/// wechatpy writes a whole message, the passive reply of a server: its own elements in its own order.
#[tokio::test(flavor = "multi_thread")]
async fn peers_envelope_of_a_reply_is_read_too() {
    let (stage, add) = (stage().await, stage_xml().await);
    let question = json!([{
        "do": "seal", "token": TOKEN, "key": KEY, "receive_id": CORP,
        "text": add, "timestamp": TIMESTAMP, "nonce": NONCE,
    }]);
    let answer = ask("wecom.py", &question).await;
    let field = |name: &str| answer[0][name].as_str().unwrap().to_owned();
    let sealed = Sealed { encrypted: field("encrypted"), signature: field("signature") };
    assert_eq!(Wire::to(&stage).post(&sealed, field("envelope")).await.0, 200);
    assert_eq!(events(&stage).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_are_wrong_are_refused_and_nothing_is_kept() {
    let (stage, add) = (stage().await, stage_xml().await);
    let wire = Wire::to(&stage);
    let wrong = [
        ("token", Shared { token: "Scrm7HostTo", ..RIGHT }),
        ("corp", Shared { receive_id: "ww0fab1e5c0de5a17f", ..RIGHT }),
        ("no corp", Shared { receive_id: "", ..RIGHT }),
    ];
    for peer in PEERS {
        for (what, shared) in wrong {
            let sealed = &seal(peer, shared, &[&add, "7310452298817730021"]).await;
            assert_eq!(wire.post(&sealed[0], sealed[0].envelope()).await.0, 401, "{peer}: {what}");
            assert_eq!(wire.check_address(&sealed[1]).await.0, 401, "{peer}: {what}");
        }
        // One character of the cipher text is another one, at the beginning, in the middle and at the end.
        let right = &seal(peer, RIGHT, &[&add]).await[0];
        for at in [0, right.encrypted.len() / 2, right.encrypted.len() - 3] {
            let mut letters: Vec<char> = right.encrypted.chars().collect();
            letters[at] = if letters[at] == 'A' { 'B' } else { 'A' };
            let (encrypted, signature) = (letters.into_iter().collect(), right.signature.clone());
            let tampered = Sealed { encrypted, signature };
            assert_eq!(wire.post(&tampered, tampered.envelope()).await.0, 401, "{peer}: {at}");
        }
        // A push that is sent back as an address check would be decrypted for whoever got hold of it.
        assert_eq!(wire.check_address(right).await.0, 401, "{peer}");
    }
    assert_eq!(events(&stage), Vec::<Value>::new());
    let dead = stage.host.get("dead").await.unwrap();
    assert_eq!(dead["dead"], json!([]));
    // And the last one was right but for what was done to it.
    let right = &seal(PEERS[0], RIGHT, &[&add]).await[0];
    assert_eq!(wire.post(right, right.envelope()).await.0, 200);
    assert_eq!(events(&stage).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_open_what_the_simulator_seals_and_the_other_way_round() {
    let ours = Seal::new(TOKEN, KEY).unwrap();
    let texts: Vec<String> =
        (0..=40).map(|length| "面霜🧴ab<&>".chars().cycle().take(length).collect()).collect();
    for receive_id in [CORP, "ww5f5e1ab1e0000001", ""] {
        let shared = Shared { receive_id, ..RIGHT };
        for peer in PEERS {
            let mut questions = Vec::new();
            for text in &texts {
                let encrypted = ours.encrypt(*b"51a4164a268c52c2", text, receive_id).unwrap();
                let signature = ours.sign(TIMESTAMP, NONCE, &encrypted);
                questions.push(Sealed { encrypted, signature }.question(shared));
            }
            let found: Vec<String> =
                open(peer, &questions).await.into_iter().collect::<Result<_, _>>().unwrap();
            assert_eq!(found, texts, "{peer}");
            let asked: Vec<&str> = texts.iter().map(String::as_str).collect();
            for (sealed, text) in seal(peer, shared, &asked).await.iter().zip(&texts) {
                let inside = ours.decrypt(&sealed.encrypted).unwrap();
                assert_eq!(inside, (text.clone(), receive_id.to_owned()), "{peer}");
                assert_eq!(sealed.signature, ours.sign(TIMESTAMP, NONCE, &sealed.encrypted), "{peer}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_refuse_what_the_simulator_seals_for_somebody_else() {
    let ours = Seal::new(TOKEN, KEY).unwrap();
    let encrypted = ours.encrypt(*b"51a4164a268c52c2", "<xml/>", CORP).unwrap();
    let signature = ours.sign(TIMESTAMP, NONCE, &encrypted);
    let sealed = Sealed { encrypted, signature };
    let questions = [
        sealed.question(RIGHT),
        sealed.question(Shared { token: "another", ..RIGHT }),
        sealed.question(Shared { receive_id: "another", ..RIGHT }),
    ];
    for peer in PEERS {
        let found = open(peer, &questions).await;
        let expected = [Ok("<xml/>".into()), Err("signature".into()), Err("receive id".into())];
        assert_eq!(found, expected, "{peer}");
    }
}

/// The connector's goldens are sealed by the connector's own function: `tests/plain/` says what is inside.
#[tokio::test(flavor = "multi_thread")]
async fn peers_open_what_the_connector_seals() {
    let tests = host::workspace().join("plugins/connectors/wecom/tests");
    let mut questions = Vec::new();
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(tests.join("plain")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let cases: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        for case in cases["case"].as_array().unwrap() {
            let own = ["signature", "encrypted", "envelope", "query", "method"];
            let Some(text) = case.get("text").and_then(toml::Value::as_str) else { continue };
            if own.iter().any(|key| case.get(key).is_some()) {
                continue;
            }
            let golden = tests.join("golden").join(format!("{}.json", case["name"].as_str().unwrap()));
            let golden: Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
            questions.push(question_of(&golden, case.get("receive_id").and_then(toml::Value::as_str)));
            texts.push(text.trim_end_matches('\n').to_owned());
        }
    }
    assert!(texts.len() > 50, "{} goldens were found", texts.len());
    for peer in PEERS {
        let found: Vec<String> = open(peer, &questions).await.into_iter().collect::<Result<_, _>>().unwrap();
        assert_eq!(found, texts, "{peer}");
    }
}

/// The call of a golden, as a peer is asked to open it.
fn question_of(golden: &Value, receive_id: Option<&str>) -> Value {
    let of = |name: &str| golden["settings"][name].as_str().unwrap();
    let body = golden["request"]["body"].as_str().unwrap();
    let encrypted = body.split_once("<Encrypt><![CDATA[").unwrap().1.split_once("]]>").unwrap().0;
    let query = golden["request"]["query"].as_str().unwrap();
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == name).unwrap().1
    };
    json!({
        "do": "open", "token": of("token"), "key": KEY, "receive_id": receive_id.unwrap_or(CORP),
        "encrypted": encrypted, "signature": parameter("msg_signature"),
        "timestamp": parameter("timestamp"), "nonce": parameter("nonce"),
    })
}
