//! The way of errands through the real sandbox and the real component to a platform: what a customer receives, what comes back
//! of it, and that nothing arrives twice whatever gets lost on the way.

use std::sync::Arc;
use std::time::Duration;

use model::{Chore, Delivery, Errand, Event, Fact, Fault, Identity, Outcome, ReceiptStep};
use sandbox::{
    Call, Compiler, ConnectionMemory, Connector, Grants, HostGrant, Http, Limits, Plugin, Sandbox,
    SandboxConfig,
};
use serde_json::{Value, json};
use tests::brand::START_MS;
use tests::wecom::MassLimit;
use tests::wecom::corp::{Customer, Relation};
use tests::wecom::outbox::Way;
use tests::{SimClock, WecomConfig, WecomSim};

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// A connection to a simulated corp, and what its courier keeps.
struct Desk {
    sim: WecomSim,
    clock: SimClock,
    connector: Connector,
    http: Http,
    memory: ConnectionMemory,
    chores: Vec<Chore>,
    events: Vec<Event>,
}

impl Desk {
    /// `lin` has the customers wm1 to wm4; wm4 removed him since.
    async fn open(adapt: impl FnOnce(&mut WecomConfig)) -> Desk {
        let clock = SimClock::at(START_MS);
        let mut config = WecomConfig::demo(clock.clone());
        adapt(&mut config);
        let sim = WecomSim::start(config).await.unwrap();
        {
            let mut corp = sim.corp();
            corp.hire("lin", "林");
            for n in 1..=4 {
                let her = format!("wm{n}");
                corp.meet(Customer { external_userid: her.clone(), ..Customer::default() });
                corp.follow("lin", &her, Relation::default());
            }
            corp.relation_mut("lin", "wm4").unwrap().is_left = true;
        }
        let bytes = std::fs::read(tests::host::plugin("wecom").unwrap()).unwrap();
        let limits = Limits { connector_calls: 2, policy_calls: 1, ..Limits::default() };
        let http = Http::new(vec![HostGrant::parse(&sim.base_url(), true).unwrap()], &limits).unwrap();
        let compiler = Compiler::new(tests::host::binary().unwrap(), &["compile"]);
        let sandbox = Sandbox::new(SandboxConfig { limits, compiler, cache_dir: None }).unwrap();
        let Plugin::Connector(connector) = sandbox.admit(&bytes, &Grants::all()).unwrap() else {
            panic!("wecom is a connector")
        };
        let memory = ConnectionMemory::default();
        Desk { sim, clock, connector, http, memory, chores: Vec::new(), events: Vec::new() }
    }

    fn call(&self) -> Call {
        let config = self.sim.config();
        let clock = self.clock.clone();
        Call {
            connection: "wecom".to_owned(),
            settings: json!({
                "corp_id": config.corp_id,
                "token": config.callback.token,
                "encoding_aes_key": config.callback.encoding_aes_key,
                "secret": config.secret,
                "api_base": self.sim.base_url(),
            })
            .to_string(),
            secrets: Vec::new(),
            clock: Arc::new(move || clock.now_ms()),
            memory: self.memory.clone(),
            http: self.http.clone(),
            patience: Duration::from_secs(60),
        }
    }

    /// Carries, and keeps what came back in one step, as a courier does.
    async fn carry(&mut self, errands: &[Errand]) -> Vec<Outcome> {
        let called = self.connector.carry(self.call(), errands).await.unwrap();
        let Delivery { outcomes, chores } = called.value;
        self.memory.apply(called.memory, self.clock.now_ms());
        self.ask(chores);
        outcomes
    }

    fn ask(&mut self, chores: Vec<Chore>) {
        for chore in chores {
            self.chores.retain(|waiting| waiting.key != chore.key);
            self.chores.push(chore);
        }
    }

    /// Lets time pass, and does the chores that become due, each at its time.
    async fn pass(&mut self, ms: u64) {
        let until = self.clock.now_ms() + ms;
        loop {
            let due = |chore: &Chore| chore.due.unwrap_or(0);
            let next = (0..self.chores.len()).min_by_key(|&at| due(&self.chores[at]));
            let Some(at) = next.filter(|&at| due(&self.chores[at]) <= until) else { break };
            let chore = self.chores.remove(at);
            self.clock.reach(due(&chore));
            let called = self.connector.work(self.call(), &chore).await.unwrap();
            let harvest = called.value.unwrap();
            self.memory.apply(called.memory, self.clock.now_ms());
            self.events.extend(harvest.events);
            self.ask(harvest.chores);
        }
        self.clock.reach(until);
    }

    fn errand(&self, id: &str, scene: &str, her: &str, detail: &Value) -> Errand {
        Errand {
            id: id.to_owned(),
            scene: scene.to_owned(),
            to: vec![Identity {
                scheme: "wecom.external-userid".to_owned(),
                scope: self.sim.config().corp_id.clone(),
                value: her.to_owned(),
            }],
            staff: Some("lin".to_owned()),
            text: Some("新品到了".to_owned()),
            content: None,
            detail: detail.to_string(),
            not_after: None,
        }
    }

    fn receipts(&self) -> Vec<(&str, ReceiptStep)> {
        let carried = self.events.iter().filter_map(|event| match &event.fact {
            Fact::Carried(receipt) => Some((receipt.errand.as_str(), receipt.step)),
            _ => None,
        });
        carried.collect()
    }

    fn times(&self, her: &str) -> usize {
        self.sim.corp().times_received(her, "新品到了")
    }
}

#[tokio::test]
async fn a_message_waits_for_staff_and_its_fate_comes_back() {
    let mut desk = Desk::open(|config| config.results_per_page = 2).await;
    let errands: Vec<Errand> = (1..=4)
        .map(|n| desk.errand(&format!("int_{n}"), "direct-message", &format!("wm{n}"), &json!({})))
        .collect();
    let outcomes = desk.carry(&errands).await;
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, Outcome::AwaitingStaff(Some(_)))),
        "{outcomes:?}"
    );
    assert_eq!(desk.sim.corp().unconfirmed("lin").len(), 1);
    assert_eq!(desk.times("wm1"), 0);
    desk.pass(HOUR_MS).await;
    assert!(desk.receipts().is_empty());
    // wm3 got another mass message today.
    let mut other = desk.errand("int_9", "direct-message", "wm3", &json!({}));
    other.text = Some("别的".to_owned());
    desk.carry(&[other]).await;
    let msgids = desk.sim.corp().unconfirmed("lin");
    let now_s = desk.clock.now_s();
    for msgid in msgids.iter().rev() {
        desk.sim.corp().confirm(msgid, now_s, MassLimit::OneADay);
    }
    desk.pass(DAY_MS).await;
    let mut told = desk.receipts();
    told.sort_by_key(|(errand, _)| (*errand).to_owned());
    let confirmed = |errand| (errand, ReceiptStep::Confirmed);
    let failed = |errand| (errand, ReceiptStep::Failed);
    assert_eq!(
        told,
        [confirmed("int_1"), confirmed("int_2"), failed("int_3"), failed("int_4"), confirmed("int_9")]
    );
    assert_eq!(["wm1", "wm2", "wm3", "wm4"].map(|her| desk.times(her)), [1, 1, 0, 0]);
    assert!(desk.chores.is_empty());
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_message() {
    let mut desk = Desk::open(|_| ()).await;
    desk.sim.lose_next_answer("externalcontact/add_msg_template");
    let errands =
        [1, 2].map(|n| desk.errand(&format!("int_{n}"), "direct-message", &format!("wm{n}"), &json!({})));
    let outcomes = desk.carry(&errands).await;
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, Outcome::Failed(Fault::Later { .. }))),
        "{outcomes:?}"
    );
    desk.pass(HOUR_MS).await;
    let again = desk.carry(&errands).await;
    assert!(again.iter().all(|outcome| matches!(outcome, Outcome::AwaitingStaff(Some(_)))), "{again:?}");
    assert_eq!(desk.sim.calls_of("externalcontact/add_msg_template"), 1);
    assert_eq!(desk.sim.confirm_all("lin"), 2);
    desk.pass(DAY_MS).await;
    assert_eq!((desk.times("wm1"), desk.times("wm2"), desk.receipts().len()), (1, 1, 2));
}

#[tokio::test]
async fn what_expired_is_not_sent_after_all() {
    let mut desk = Desk::open(|_| ()).await;
    let errand = desk.errand("int_1", "direct-message", "wm1", &json!({}));
    desk.carry(&[errand]).await;
    desk.pass(8 * DAY_MS).await;
    assert_eq!(desk.receipts(), [("int_1", ReceiptStep::Expired)]);
    assert_eq!((desk.sim.confirm_all("lin"), desk.times("wm1")), (0, 0));
}

#[tokio::test]
async fn a_welcome_is_taken_once_and_within_twenty_seconds() {
    let mut desk = Desk::open(|_| ()).await;
    let now_s = desk.clock.now_s();
    for n in 1..=2 {
        desk.sim.corp().issue_welcome(&format!("WLC_{n}"), "lin", &format!("wm{n}"), now_s);
    }
    let welcome = |desk: &Desk, n: u32| {
        desk.errand(
            &format!("int_{n}"),
            "welcome",
            &format!("wm{n}"),
            &json!({"welcome_code": format!("WLC_{n}")}),
        )
    };
    let first = welcome(&desk, 1);
    assert_eq!(desk.carry(std::slice::from_ref(&first)).await, [Outcome::Sent(None)]);
    let again = desk.carry(&[first]).await;
    assert!(
        matches!(&again[0], Outcome::Failed(Fault::Malformed(why)) if why.contains("41051")),
        "{again:?}"
    );
    desk.pass(21_000).await;
    let late = welcome(&desk, 2);
    let late = desk.carry(&[late]).await;
    assert!(matches!(&late[0], Outcome::Failed(Fault::Malformed(why)) if why.contains("41050")), "{late:?}");
    assert_eq!((desk.times("wm1"), desk.times("wm2")), (1, 0));
    assert_eq!(desk.sim.corp().received("wm1")[0].by, Way::Welcome);
}

#[tokio::test]
async fn tags_and_remarks_reach_the_tie_and_a_post_those_who_have_the_tag() {
    let mut desk = Desk::open(|config| config.results_per_page = 1).await;
    for her in ["wm0", "wm9"] {
        desk.sim.corp().meet(Customer { external_userid: her.to_owned(), ..Customer::default() });
    }
    let tag = desk.errand("int_1", "tag", "wm1", &json!({"add": ["敏感肌"]}));
    let remark = desk.errand("int_2", "remark", "wm1", &json!({"remark": "小满"}));
    assert_eq!(desk.carry(&[tag.clone(), remark]).await, [Outcome::Sent(None), Outcome::Sent(None)]);
    // The same again changes nothing, and makes no second tag.
    assert_eq!(desk.carry(&[tag]).await, [Outcome::Sent(None)]);
    {
        let corp = desk.sim.corp();
        let tags: Vec<&str> =
            corp.tag_groups.iter().flat_map(|group| &group.tags).map(|tag| tag.name.as_str()).collect();
        let (_, tie) = corp.followers("wm1").next().unwrap();
        assert_eq!((tags, tie.tag_ids.len(), tie.remark.as_str()), (vec!["敏感肌"], 1, "小满"));
    }
    {
        // Two others have the tag, so that who sees a copy takes several pages.
        let mut corp = desk.sim.corp();
        let tag_ids = corp.relation_mut("lin", "wm1").unwrap().tag_ids.clone();
        for her in ["wm0", "wm9"] {
            corp.follow("lin", her, Relation { tag_ids: tag_ids.clone(), ..Relation::default() });
        }
    }
    let detail = json!({"tags": ["敏感肌"]});
    let posts = [1, 2].map(|n| desk.errand(&format!("int_1{n}"), "moments", &format!("wm{n}"), &detail));
    desk.carry(&posts).await;
    desk.pass(HOUR_MS).await;
    let now_s = desk.clock.now_s();
    {
        let mut corp = desk.sim.corp();
        let moment = corp.outbox.posts.keys().next().unwrap().clone();
        assert_eq!((corp.outbox.posts.len(), corp.publish(&moment, "lin", now_s)), (1, 3));
        corp.like(&moment, "lin", "wm1", now_s + 5);
        corp.like(&moment, "lin", "lin", now_s + 6);
    }
    desk.pass(2 * DAY_MS).await;
    let mut receipts = desk.receipts();
    // Told again at each reading, under the same id.
    receipts.dedup();
    let told = |step| ("int_11", step);
    assert_eq!(receipts, [told(ReceiptStep::Confirmed), told(ReceiptStep::Read)]);
    assert!(desk.sim.calls_of("externalcontact/get_moment_send_result") >= 3, "three pages");
    let mut likes: Vec<(String, Option<String>)> = Vec::new();
    for event in &desk.events {
        if let Fact::Saw(view) = &event.fact {
            likes.push((event.id.clone(), view.via.clone()));
        }
    }
    // Read again and again, it is one like: an append knows it by its id.
    assert!(likes.len() > 1);
    likes.dedup();
    assert_eq!((likes.len(), likes[0].1.as_deref()), (1, Some("int_11")));
    assert_eq!((desk.times("wm1"), desk.times("wm2")), (1, 0));
    // She was to see it, and has no such tag: that is known when the post's time is over.
    desk.pass(6 * DAY_MS).await;
    assert_eq!(desk.receipts().last(), Some(&("int_12", ReceiptStep::Failed)));
    assert!(desk.chores.is_empty());
}

#[tokio::test]
async fn what_is_of_no_use_any_more_is_taken_back_before_staff_have_had_their_days() {
    let mut desk = Desk::open(|_| ()).await;
    let tag = desk.errand("int_0", "tag", "wm1", &json!({"add": ["敏感肌"]}));
    desk.carry(&[tag]).await;
    let until_tomorrow = |errand: Errand| Errand { not_after: Some(START_MS + DAY_MS), ..errand };
    let errands = [
        until_tomorrow(desk.errand("int_1", "direct-message", "wm1", &json!({}))),
        until_tomorrow(desk.errand("int_2", "moments", "wm1", &json!({"tags": ["敏感肌"]}))),
        desk.errand("int_3", "direct-message", "wm2", &json!({})),
    ];
    desk.carry(&errands).await;
    assert_eq!(desk.sim.corp().unconfirmed("lin").len(), 2);
    desk.pass(2 * DAY_MS).await;
    let mut told = desk.receipts();
    told.sort_by_key(|(errand, _)| (*errand).to_owned());
    assert_eq!(told, ["int_1", "int_2"].map(|errand| (errand, ReceiptStep::Expired)));
    let now_s = desk.clock.now_s();
    {
        let mut corp = desk.sim.corp();
        let moment = corp.outbox.posts.keys().next().unwrap().clone();
        assert_eq!(corp.publish(&moment, "lin", now_s), 0, "it was taken back");
    }
    assert_eq!((desk.sim.confirm_all("lin"), desk.times("wm1"), desk.times("wm2")), (1, 0, 1));
}

#[tokio::test]
async fn the_corp_chooses_how_many_mass_messages_a_customer_gets() {
    for (limit, expected) in
        [(MassLimit::OneADay, 1), (MassLimit::SevenAWeek, 7), (MassLimit::DaysOfTheMonth, 31)]
    {
        let mut desk = Desk::open(|config| config.mass_limit = limit).await;
        for n in 0..32 {
            let mut errand = desk.errand(&format!("int_{n}"), "direct-message", "wm1", &json!({}));
            errand.text = Some(format!("第{n}次"));
            desk.carry(&[errand]).await;
        }
        desk.sim.confirm_all("lin");
        desk.pass(HOUR_MS).await;
        let count = |wanted| desk.receipts().iter().filter(|(_, step)| *step == wanted).count();
        assert_eq!(
            (count(ReceiptStep::Confirmed), count(ReceiptStep::Failed)),
            (expected, 32 - expected),
            "{limit:?}"
        );
        assert_eq!(desk.sim.corp().received("wm1").len(), expected);
    }
}

#[tokio::test]
async fn whoever_must_act_on_a_code_is_told_by_its_fault() {
    let mut desk = Desk::open(|config| config.calls_per_minute = Some(2)).await;
    let mut outcome = async |code: i64| {
        desk.clock.advance(60_000);
        desk.sim.fail_next("externalcontact/remark", code);
        let remark = desk.errand("int_1", "remark", "wm1", &json!({"remark": "小满"}));
        desk.carry(&[remark]).await.remove(0)
    };
    assert!(matches!(outcome(60020).await, Outcome::Failed(Fault::Misconfigured(_))));
    assert!(matches!(outcome(84061).await, Outcome::Failed(Fault::Malformed(_))));
    assert!(matches!(outcome(-1).await, Outcome::Failed(Fault::Later { retry_after_ms: None, .. })));
    // A token that was withdrawn is renewed, and the call done.
    assert_eq!(outcome(40014).await, Outcome::Sent(None));
    // The third call of a minute is one too many.
    let remarks = ["int_2", "int_3"].map(|id| desk.errand(id, "remark", "wm1", &json!({"remark": id})));
    let limited = desk.carry(&remarks).await;
    assert_eq!(limited[0], Outcome::Sent(None));
    assert!(
        matches!(&limited[1], Outcome::Failed(Fault::Later { retry_after_ms: Some(60_000), .. })),
        "{limited:?}"
    );
    desk.clock.advance(60_000);
    assert_eq!(desk.carry(&remarks[1..]).await, [Outcome::Sent(None)]);
}

#[tokio::test]
async fn a_post_takes_what_the_platform_takes() {
    let mut desk = Desk::open(|_| ()).await;
    let tag = desk.errand("int_0", "tag", "wm1", &json!({"add": ["敏感肌"]}));
    desk.carry(&[tag]).await;
    let image = json!({"msgtype": "image", "image": {"media_id": "m"}});
    let video = json!({"msgtype": "video", "video": {"media_id": "m"}});
    let link = |bytes: usize| json!({"msgtype": "link", "link": {"title": "x".repeat(bytes), "url": "https://a.example"}});
    let cases = [
        (vec![image.clone(); 9], true),
        (vec![image.clone(); 10], false),
        (vec![video.clone()], true),
        (vec![video, image.clone()], false),
        (vec![link(128)], true),
        (vec![link(129)], false),
        (vec![link(1), link(2)], false),
    ];
    for (at, (attachments, taken)) in cases.into_iter().enumerate() {
        let detail = json!({"tags": ["敏感肌"], "attachments": attachments});
        let post = desk.errand(&format!("int_{at}"), "moments", "wm1", &detail);
        let posts = desk.sim.corp().outbox.posts.len();
        let outcome = desk.carry(&[post]).await.remove(0);
        let awaits = matches!(outcome, Outcome::AwaitingStaff(_));
        assert_eq!(
            (awaits, desk.sim.corp().outbox.posts.len() - posts),
            (taken, usize::from(taken)),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn an_expired_token_and_a_limit_lose_nothing() {
    let mut desk = Desk::open(|_| ()).await;
    let first = desk.errand("int_1", "direct-message", "wm1", &json!({}));
    desk.carry(&[first]).await;
    desk.sim.revoke_tokens();
    let second = desk.errand("int_2", "direct-message", "wm2", &json!({}));
    assert!(matches!(desk.carry(&[second]).await[0], Outcome::AwaitingStaff(_)));
    desk.sim.limit_next(1);
    let third = desk.errand("int_3", "direct-message", "wm3", &json!({}));
    let limited = desk.carry(std::slice::from_ref(&third)).await;
    assert!(
        matches!(&limited[0], Outcome::Failed(Fault::Later { retry_after_ms: Some(60_000), .. })),
        "{limited:?}"
    );
    assert!(matches!(desk.carry(&[third]).await[0], Outcome::AwaitingStaff(_)));
    assert_eq!(desk.sim.confirm_all("lin"), 3);
    assert_eq!(["wm1", "wm2", "wm3"].map(|her| desk.times(her)), [1, 1, 1]);
}
