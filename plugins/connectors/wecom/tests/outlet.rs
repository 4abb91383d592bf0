//! The way of errands: what the platform is asked, what is remembered between calls, and what the results come to.

#[path = "outlet/end.rs"]
mod end;
#[path = "outlet/post.rs"]
mod post;

use std::collections::{BTreeMap, VecDeque};

use heliu_sdk::chores::{Chore, Harvest};
use heliu_sdk::connector::{Delivery, Errand, Outcome};
use heliu_sdk::events::{Event, Fact, Identity, Instant, ReceiptStep};
use heliu_sdk::faults::Fault;
use heliu_sdk::http::{Failure, Request, Response};
use heliu_sdk::log::Level;
use heliu_sdk::{ChoreWorker, Host, Outlet};
use serde_json::{Value, json};
use wecom::{Settings, Wecom};

const START: Instant = 1_767_230_017_000;
const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;

/// Answers each endpoint in order, the last answer for ever. Remembers.
struct Platform {
    answers: BTreeMap<&'static str, VecDeque<Result<Value, Failure>>>,
    asked: Vec<(String, Value)>,
    memory: BTreeMap<String, Vec<u8>>,
    held: Vec<String>,
    now: Instant,
    /// What one request takes.
    takes_ms: u64,
}

impl Platform {
    fn new() -> Platform {
        let mut platform = Platform {
            answers: BTreeMap::new(),
            asked: Vec::new(),
            memory: BTreeMap::new(),
            held: Vec::new(),
            now: START,
            takes_ms: 0,
        };
        platform.on("gettoken", json!({"access_token": "tok", "expires_in": 7200}));
        platform
    }

    fn on(&mut self, path: &'static str, answer: Value) {
        self.answers.entry(path).or_default().push_back(Ok(answer));
    }

    fn fails(&mut self, path: &'static str, failure: Failure) {
        self.answers.entry(path).or_default().push_back(Err(failure));
    }

    fn asked(&self, path: &str) -> Vec<&Value> {
        let path = format!("externalcontact/{path}");
        self.asked.iter().filter(|(asked, _)| *asked == path).map(|(_, body)| body).collect()
    }

    fn carry(&mut self, errands: &[Errand]) -> Delivery {
        Wecom::carry(&settings(), errands.to_vec(), self)
    }

    fn done(&mut self, chore: &Chore) -> Harvest {
        self.work(chore).unwrap_or_else(|fault| panic!("{fault:?}"))
    }

    fn work(&mut self, chore: &Chore) -> Result<Harvest, Fault> {
        self.now = self.now.max(chore.due.unwrap_or_default());
        Wecom::work(&settings(), chore.clone(), self)
    }

    /// What was remembered of errands and their tasks.
    fn remembered(&self) -> Vec<&str> {
        let of_errands = |key: &&String| !key.starts_with("access-token") && !key.starts_with("tag:");
        self.memory.keys().filter(of_errands).map(String::as_str).collect()
    }
}

impl Host for Platform {
    fn send(&mut self, request: Request) -> Result<Response, Failure> {
        self.now += self.takes_ms;
        let path = request.url.split_once("/cgi-bin/").map_or("", |(_, rest)| rest);
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let body = request.body.map_or(Value::Null, |body| serde_json::from_slice(&body).unwrap_or_default());
        self.asked.push((path.clone(), body));
        let short = path.trim_start_matches("externalcontact/");
        let answers = self.answers.get_mut(short).unwrap_or_else(|| panic!("nobody answers {path}"));
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        let answer = answer.unwrap_or_else(|| panic!("nobody answers {path}"))?;
        Ok(Response { status: 200, headers: Vec::new(), body: answer.to_string().into_bytes() })
    }

    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.memory.get(key).cloned()
    }

    fn set(&mut self, key: &str, value: &[u8], _: Option<u64>) {
        assert!(key.len() <= 256 && value.len() <= 64 << 10, "{key}: {} bytes", value.len());
        self.memory.insert(key.to_owned(), value.to_owned());
    }

    fn hold(&mut self, key: &str) {
        self.held.push(key.to_owned());
    }

    fn delete(&mut self, key: &str) {
        self.memory.remove(key);
    }

    fn now(&mut self) -> Instant {
        self.now
    }

    fn random(&mut self, _: u32) -> Vec<u8> {
        panic!("carrying needs no random bytes")
    }

    fn log(&mut self, _: Level, _: &str) {}
}

fn settings() -> Settings {
    let text =
        r#"{"corp_id":"ww1","token":"t","encoding_aes_key":"k","secret":"s","api_base":"https://api.test"}"#;
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn errand(id: &str, scene: &str, her: &str, detail: Value) -> Errand {
    Errand {
        id: id.to_owned(),
        scene: scene.to_owned(),
        to: vec![handle(her)],
        staff: Some("lin".to_owned()),
        text: Some("你好".to_owned()),
        content: None,
        detail: detail.to_string(),
        not_after: None,
    }
}

fn message(id: &str, her: &str) -> Errand {
    errand(id, "direct-message", her, json!({}))
}

fn handle(value: &str) -> Identity {
    Identity { scheme: "wecom.external-userid".to_owned(), scope: "ww1".to_owned(), value: value.to_owned() }
}

fn awaiting(id: &str) -> Outcome {
    Outcome::AwaitingStaff(Some(id.to_owned()))
}

/// Errand, step and reason of each receipt.
fn receipts(events: &[Event]) -> Vec<(&str, ReceiptStep, Option<&str>)> {
    assert!(events.iter().all(|event| event.who.len() == 1));
    events
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::Carried(receipt) => Some((receipt.errand.as_str(), receipt.step, receipt.why.as_deref())),
            _ => None,
        })
        .collect()
}

fn ids(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| event.id.clone()).collect()
}

#[test]
fn a_welcome_is_sent_with_its_code_and_before_everything_else() {
    let mut host = Platform::new();
    host.on("send_welcome_msg", json!({"errcode": 0}));
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m1"}));
    let welcome = errand("int_2", "welcome", "wm2", json!({"welcome_code": "WLC_1", "category": "cream"}));
    let delivery = host.carry(&[message("int_1", "wm1"), welcome]);
    assert_eq!(delivery.outcomes, [awaiting("m1"), Outcome::Sent(None)]);
    let asked: Vec<&str> = host.asked.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(asked, ["gettoken", "externalcontact/send_welcome_msg", "externalcontact/add_msg_template"]);
    assert_eq!(
        host.asked("send_welcome_msg"),
        [&json!({"welcome_code": "WLC_1", "text": {"content": "你好"}})]
    );
}

#[test]
fn errands_that_say_the_same_are_one_task() {
    let mut host = Platform::new();
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m1"}));
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m2", "fail_list": []}));
    let mut other = message("int_3", "wm3");
    other.staff = Some("he".to_owned());
    let delivery = host.carry(&[message("int_1", "wm1"), other, message("int_2", "wm2")]);
    assert_eq!(delivery.outcomes, [awaiting("m1"), awaiting("m2"), awaiting("m1")]);
    let tasks = host.asked("add_msg_template");
    assert_eq!(tasks[0]["external_userid"], json!(["wm1", "wm2"]));
    assert_eq!(tasks[0]["chat_type"], "single");
    assert_eq!((&tasks[0]["sender"], &tasks[1]["sender"]), (&json!("lin"), &json!("he")));
    assert_eq!(delivery.chores.len(), 2);
    assert_eq!(delivery.chores[0].due, Some(START + 300_000));
}

#[test]
fn those_whom_the_platform_will_not_send_to_have_failed() {
    let mut host = Platform::new();
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m1", "fail_list": ["wm2"]}));
    let delivery = host.carry(&[message("int_1", "wm1"), message("int_2", "wm2")]);
    assert_eq!(delivery.outcomes[0], awaiting("m1"));
    let Outcome::Failed(Fault::Malformed(why)) = &delivery.outcomes[1] else { panic!("{delivery:?}") };
    assert!(why.contains("wm2"), "{why}");
}

#[test]
fn a_task_of_ten_thousand_is_remembered_and_read_to_its_end() {
    let mut host = Platform::new();
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m1"}));
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m2"}));
    let her = |at: usize| format!("wmFabLeAAAq1Zt0pRv3mUo9Xk2L{at:05}");
    let errands: Vec<Errand> = (0..10_001).map(|at| message(&format!("int_{at:032}"), &her(at))).collect();
    let delivery = host.carry(&errands);
    assert!(delivery.outcomes[..10_000].iter().all(|outcome| *outcome == awaiting("m1")));
    assert_eq!(delivery.outcomes[10_000], awaiting("m2"));
    let sizes: Vec<usize> = host
        .asked("add_msg_template")
        .iter()
        .filter_map(|task| task["external_userid"].as_array().map(Vec::len))
        .collect();
    assert_eq!(sizes, [10_000, 1]);
    host.on("get_groupmsg_task", json!({"errcode": 0, "task_list": [{"userid": "lin", "status": 2}]}));
    for page in 0..20 {
        let rows: Vec<Value> = (page * 500..(page + 1) * 500)
            .map(|at| json!({"external_userid": her(at), "userid": "lin", "status": 1, "send_time": 1_767_230_100}))
            .collect();
        let cursor = if page < 19 { format!("c{page}") } else { String::new() };
        host.on("get_groupmsg_send_result", json!({"errcode": 0, "send_list": rows, "next_cursor": cursor}));
    }
    let harvest = host.work(&delivery.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    assert_eq!((harvest.events.len(), harvest.chores.len()), (10_000, 0));
}

#[test]
fn results_are_told_once_each_and_read_until_all_are_known() {
    let mut host = Platform::new();
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m1"}));
    let errands = ["1", "2", "3", "4"].map(|n| message(&format!("int_{n}"), &format!("wm{n}")));
    let delivery = host.carry(&errands);
    host.on("get_groupmsg_task", json!({"errcode": 0, "task_list": [{"userid": "lin", "status": 0}]}));
    host.on("get_groupmsg_task", json!({"errcode": 0, "task_list": [{"userid": "lin", "status": 2}]}));
    let row = |her: &str, status: u8| json!({"external_userid": her, "userid": "lin", "status": status, "send_time": 1_767_230_100});
    host.on(
        "get_groupmsg_send_result",
        json!({"errcode": 0, "next_cursor": "c", "send_list": [row("wm1", 1), row("wm2", 2)]}),
    );
    host.on("get_groupmsg_send_result", json!({"errcode": 0, "send_list": [row("wm3", 3), row("wm4", 0)]}));
    let first = host.work(&delivery.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    // Nobody confirmed it yet: nothing is told, and it is read again, later than before.
    assert!(first.events.is_empty() && host.asked("get_groupmsg_send_result").is_empty());
    assert_eq!(first.chores[0].due, Some(START + 300_000 + 600_000));
    let second = host.work(&first.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    let told = receipts(&second.events);
    assert_eq!(told[0], ("int_1", ReceiptStep::Confirmed, None));
    assert_eq!((told[1].0, told[1].1), ("int_2", ReceiptStep::Failed));
    assert!(told[1].2.is_some_and(|why| why.contains("no friend of lin")), "{told:?}");
    assert_eq!((told[2].0, told[2].1), ("int_3", ReceiptStep::Failed));
    assert_eq!((told.len(), second.events[0].at), (3, 1_767_230_100_000));
    assert_eq!(second.events[0].staff.as_deref(), Some("lin"));
    // The last one's fate comes later, and the others' are not told again.
    host.answers.insert(
        "get_groupmsg_send_result",
        VecDeque::from([Ok(json!({"errcode": 0, "send_list": [row("wm1", 1), row("wm4", 1)]}))]),
    );
    let third = host.work(&second.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    assert_eq!(receipts(&third.events), [("int_4", ReceiptStep::Confirmed, None)]);
    assert!(third.chores.is_empty() && host.remembered().is_empty(), "{:?}", host.remembered());
}

#[test]
fn reading_a_result_again_gives_the_same_ids() {
    let mut host = Platform::new();
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m1"}));
    let delivery = host.carry(&[message("int_1", "wm1")]);
    host.on("get_groupmsg_task", json!({"errcode": 0, "task_list": [{"userid": "lin", "status": "2"}]}));
    host.on(
        "get_groupmsg_send_result",
        json!({"errcode": 0, "send_list": [{"external_userid": "wm1", "status": "3"}]}),
    );
    // The call's commit failed: its memory is as it was before.
    let before = host.memory.clone();
    let first = host.work(&delivery.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    host.memory = before;
    host.now += HOUR;
    let again = host.work(&delivery.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    assert_eq!((ids(&first.events), first.events.len()), (ids(&again.events), 1));
    assert_ne!(first.events[0].at, again.events[0].at);
}

#[test]
fn what_nobody_confirms_is_taken_back_and_expires() {
    let mut host = Platform::new();
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m1"}));
    host.on("get_groupmsg_task", json!({"errcode": 0, "task_list": [{"userid": "lin", "status": 0}]}));
    host.on("cancel_groupmsg_send", json!({"errcode": 0}));
    let mut chores = host.carry(&[message("int_1", "wm1")]).chores;
    let mut reads = 0;
    let events = loop {
        let harvest = host.work(&chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
        reads += 1;
        assert!(reads < 60, "it is read without an end");
        if harvest.chores.is_empty() {
            break harvest.events;
        }
        assert!(harvest.events.is_empty());
        chores = harvest.chores;
    };
    assert_eq!(receipts(&events), [("int_1", ReceiptStep::Expired, None)]);
    assert_eq!(host.now, START + 7 * DAY);
    assert_eq!(host.asked("cancel_groupmsg_send"), [&json!({"msgid": "m1"})]);
    assert!(host.remembered().is_empty());
}

#[test]
fn a_task_whose_answer_was_lost_is_found_again_and_not_made_twice() {
    let mut host = Platform::new();
    host.fails("add_msg_template", Failure::TimedOut);
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m9"}));
    let errands = [message("int_1", "wm1"), message("int_2", "wm2")];
    let delivery = host.carry(&errands);
    assert!(delivery.outcomes.iter().all(|outcome| matches!(outcome, Outcome::Failed(Fault::Later(_)))));
    assert!(delivery.chores.is_empty());
    // The list has a person's own task, one with other words, another sender's, and ours.
    let task = |msgid: &str, text: &str| json!({"msgid": msgid, "create_time": "1767230020", "text": {"content": text}});
    let mut own = task("m8", "你好");
    own["creator"] = json!("lin");
    host.on(
        "get_groupmsg_list_v2",
        json!({"errcode": 0, "next_cursor": "c", "group_msg_list": [own, task("m7", "再见")]}),
    );
    host.on(
        "get_groupmsg_list_v2",
        json!({"errcode": 0, "group_msg_list": [task("m6", "你好"), task("m5", "你好")]}),
    );
    host.on("get_groupmsg_task", json!({"errcode": 0, "task_list": [{"userid": "he", "status": 0}]}));
    host.on("get_groupmsg_task", json!({"errcode": 0, "task_list": [{"userid": "lin", "status": 0}]}));
    host.now += HOUR;
    // One of them comes again, with a new one that says the same.
    let delivery = host.carry(&[message("int_2", "wm2"), message("int_3", "wm3")]);
    assert_eq!(delivery.outcomes, [awaiting("m5"), awaiting("m9")]);
    assert_eq!(host.asked("add_msg_template").len(), 2);
    assert_eq!(host.asked("add_msg_template")[1]["external_userid"], json!(["wm3"]));
    assert_eq!(delivery.chores.len(), 2);
    // And the other one finds its task too.
    let delivery = host.carry(&[message("int_1", "wm1")]);
    assert_eq!(delivery.outcomes, [awaiting("m5")]);
    assert_eq!(host.asked("add_msg_template").len(), 2);
}

#[test]
fn a_task_that_was_not_made_is_made_the_next_time() {
    let mut host = Platform::new();
    host.fails("add_msg_template", Failure::Unreachable("closed".to_owned()));
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m1"}));
    host.on("get_groupmsg_list_v2", json!({"errcode": 45009}));
    host.on("get_groupmsg_list_v2", json!({"errcode": 0, "group_msg_list": []}));
    let errands = [message("int_1", "wm1")];
    assert!(matches!(host.carry(&errands).outcomes[0], Outcome::Failed(Fault::Later(_))));
    // Nobody says whether it was made: it is not made again.
    assert!(matches!(host.carry(&errands).outcomes[0], Outcome::Failed(Fault::Later(_))));
    assert_eq!(host.asked("add_msg_template").len(), 1);
    assert_eq!(host.carry(&errands).outcomes, [awaiting("m1")]);
    assert!(host.remembered().iter().all(|key| key.starts_with("task:")), "{:?}", host.remembered());
}

#[test]
fn a_group_is_told_once_whoever_asks_for_it() {
    let mut host = Platform::new();
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m1"}));
    let group =
        |id: &str, her: &str, chats: Value| errand(id, "group-message", her, json!({"chat_ids": chats}));
    let delivery = host.carry(&[
        group("int_1", "wm1", json!(["wr1", "wr2"])),
        group("int_2", "wm2", json!(["wr2"])),
        group("int_3", "wm3", json!([])),
    ]);
    assert_eq!(delivery.outcomes[..2], [awaiting("m1"), awaiting("m1")]);
    assert!(
        matches!(&delivery.outcomes[2], Outcome::Failed(Fault::Malformed(why)) if why.contains("chat_ids"))
    );
    assert_eq!(host.asked("add_msg_template")[0]["chat_id_list"], json!(["wr1", "wr2"]));
    host.on("get_groupmsg_task", json!({"errcode": 0, "task_list": [{"userid": "lin", "status": 2}]}));
    let rows =
        json!([{"chat_id": "wr1", "status": 1, "send_time": 1_767_230_100}, {"chat_id": "wr2", "status": 2}]);
    host.on("get_groupmsg_send_result", json!({"errcode": 0, "send_list": rows}));
    let harvest = host.work(&delivery.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    let told: Vec<_> =
        receipts(&harvest.events).into_iter().map(|(errand, step, _)| (errand, step)).collect();
    assert_eq!(told, [("int_1", ReceiptStep::Confirmed), ("int_2", ReceiptStep::Failed)]);
    assert_eq!(harvest.events[1].who, [handle("wm2")]);
}

fn marks(id: &str, add: &[&str], remove: &[&str]) -> Errand {
    errand(id, "tag", "wm1", json!({"add": add, "remove": remove}))
}

#[test]
fn tags_are_looked_up_by_name_made_where_missing_and_remembered() {
    let mut host = Platform::new();
    let groups = json!([
        {"group_name": "旧", "tag": [{"id": "et8", "name": "高价值"}, {"id": "et9", "name": "走了", "deleted": true}]},
        {"group_name": "Heliu", "tag": [{"id": "et2", "name": "高价值"}, {"id": "et3", "name": "沉默"}]},
    ]);
    host.on("get_corp_tag_list", json!({"errcode": 0, "tag_group": groups}));
    let made = json!({"group_id": "et1", "group_name": "Heliu", "tag": [{"id": "et7", "name": "走了"}]});
    host.on("add_corp_tag", json!({"errcode": 0, "tag_group": made}));
    host.on("mark_tag", json!({"errcode": 0}));
    let errands = [marks("int_1", &["高价值", "走了"], &["沉默", "没有"]), marks("int_2", &[], &["没有"])];
    assert_eq!(host.carry(&errands).outcomes, [Outcome::Sent(None), Outcome::Sent(None)]);
    assert_eq!(host.asked("add_corp_tag"), [&json!({"group_name": "Heliu", "tag": [{"name": "走了"}]})]);
    // Of two of one name that of our own group counts. What the corp does not have need not be taken off.
    let mark =
        json!({"userid": "lin", "external_userid": "wm1", "add_tag": ["et2", "et7"], "remove_tag": ["et3"]});
    assert_eq!(host.asked("mark_tag"), [&mark]);
    let lists = host.asked("get_corp_tag_list").len();
    assert_eq!(host.carry(&[marks("int_3", &["走了"], &[])]).outcomes, [Outcome::Sent(None)]);
    assert_eq!(host.asked("get_corp_tag_list").len(), lists);
}

#[test]
fn a_tag_that_was_deleted_meanwhile_is_looked_up_again_once() {
    let mut host = Platform::new();
    let groups = |id: &str| json!({"errcode": 0, "tag_group": [{"group_name": "g", "tag": [{"id": id, "name": "高价值"}]}]});
    host.on("get_corp_tag_list", groups("et2"));
    host.on("get_corp_tag_list", groups("et5"));
    host.on("mark_tag", json!({"errcode": 40068}));
    host.on("mark_tag", json!({"errcode": 0}));
    assert_eq!(host.carry(&[marks("int_1", &["高价值"], &[])]).outcomes, [Outcome::Sent(None)]);
    assert_eq!(host.asked("mark_tag")[1]["add_tag"], json!(["et5"]));
}

#[test]
fn a_remark_is_written_and_what_is_not_given_stays() {
    let mut host = Platform::new();
    host.on("remark", json!({"errcode": 0}));
    let remark =
        Errand { text: None, ..errand("int_1", "remark", "wm1", json!({"remark": "小满-杭州"})) };
    assert_eq!(host.carry(&[remark]).outcomes, [Outcome::Sent(None)]);
    assert_eq!(
        host.asked("remark"),
        [&json!({"userid": "lin", "external_userid": "wm1", "remark": "小满-杭州"})]
    );
}

#[test]
fn an_errand_that_cannot_be_carried_asks_nobody() {
    let mut host = Platform::new();
    let stranger = Errand { to: Vec::new(), ..message("int_1", "wm1") };
    let nobodys = Errand { staff: None, ..message("int_2", "wm1") };
    let silent = Errand { text: None, ..message("int_3", "wm1") };
    let long = Errand { text: Some("字".repeat(1334)), ..message("int_4", "wm1") };
    let errands = [
        stranger,
        nobodys,
        silent,
        long,
        errand("int_5", "coupon", "wm1", json!({})),
        errand("int_6", "welcome", "wm1", json!({})),
        errand("int_7", "tag", "wm1", json!({"add": ["a"], "remove": ["a"]})),
        errand("int_8", "tag", "wm1", json!({"add": "a"})),
        errand("int_9", "remark", "wm1", json!({"remark": "字".repeat(21)})),
        errand("int_10", "direct-message", "wm1", json!({"attachments": vec![json!({}); 10]})),
    ];
    for (outcome, errand) in host.carry(&errands).outcomes.iter().zip(&errands) {
        assert!(matches!(outcome, Outcome::Failed(Fault::Malformed(_))), "{}: {outcome:?}", errand.id);
    }
    assert!(host.asked.is_empty());
}

#[test]
fn codes_say_who_must_act_and_end_what_there_is_no_sense_in() {
    let fault_of = |code: i64| {
        let mut host = Platform::new();
        host.on("add_msg_template", json!({"errcode": code}));
        host.on("remark", json!({"errcode": 0}));
        let remark = errand("int_3", "remark", "wm1", json!({}));
        let mut other = message("int_2", "wm2");
        other.text = Some("再见".to_owned());
        let outcomes = host.carry(&[message("int_1", "wm1"), other, remark]).outcomes;
        let tries = host.asked("add_msg_template").len();
        match outcomes.into_iter().collect::<Vec<_>>().as_slice() {
            [Outcome::Failed(fault), Outcome::Failed(_), last] => {
                (fault.clone(), tries, *last == Outcome::Sent(None))
            }
            other => panic!("{other:?}"),
        }
    };
    // Not her: the next one may go.
    assert!(matches!(fault_of(84061), (Fault::Malformed(_), 2, true)));
    assert!(matches!(fault_of(40096), (Fault::Malformed(_), 2, true)));
    // The app has no right: none of these will go, but a remark may.
    assert!(matches!(fault_of(48002), (Fault::Misconfigured(_), 1, true)));
    // The platform wants to be left alone.
    match fault_of(45009) {
        (Fault::Later(pause), 1, false) => assert_eq!(pause.retry_after_ms, Some(60_000)),
        other => panic!("{other:?}"),
    }
    // A token that is renewed and refused again.
    assert!(matches!(fault_of(42001), (Fault::Unauthorised(_), 2, false)));
}

#[test]
fn an_expired_token_is_renewed_once_and_the_message_goes_out_once() {
    let mut host = Platform::new();
    host.on("add_msg_template", json!({"errcode": 42001}));
    host.on("add_msg_template", json!({"errcode": 0, "msgid": "m1"}));
    assert_eq!(host.carry(&[message("int_1", "wm1")]).outcomes, [awaiting("m1")]);
    assert_eq!(host.asked.iter().filter(|(path, _)| path == "gettoken").count(), 2);
}

#[test]
fn what_there_is_no_time_for_is_left_for_the_next_call() {
    let mut host = Platform::new();
    host.takes_ms = 3_000;
    host.on("remark", json!({"errcode": 0}));
    let remarks: Vec<Errand> =
        (0..6).map(|at| errand(&format!("int_{at}"), "remark", "wm1", json!({}))).collect();
    let outcomes = host.carry(&remarks).outcomes;
    let sent = outcomes.iter().filter(|outcome| **outcome == Outcome::Sent(None)).count();
    assert_eq!((sent, host.asked("remark").len()), (2, 2));
    assert!(matches!(&outcomes[5], Outcome::Failed(Fault::Later(pause)) if pause.retry_after_ms == Some(1)));
    // And no more requests than the host allows.
    let mut host = Platform::new();
    host.on("remark", json!({"errcode": 0}));
    let remarks: Vec<Errand> =
        (0..100).map(|at| errand(&format!("int_{at}"), "remark", "wm1", json!({}))).collect();
    host.carry(&remarks);
    assert!(host.asked.len() <= 55, "{}", host.asked.len());
}

#[test]
fn without_a_secret_nothing_is_carried() {
    let text = r#"{"corp_id":"ww1","token":"t","encoding_aes_key":"k"}"#;
    let settings: Settings = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}"));
    let outcomes = Wecom::carry(&settings, vec![message("int_1", "wm1")], &mut Platform::new()).outcomes;
    assert!(matches!(&outcomes[0], Outcome::Failed(Fault::Misconfigured(why)) if why.contains("secret")));
}
