//! What is proposed to customers, through the real host and the real connector to a platform: once, by the rules, and with
//! what became of it in the ledger.

use serde_json::{Value, json};
use tests::brand::START_MS;
use tests::host::{cli_json, cli_text};
use tests::tenant::WECOM;
use tests::wecom::corp::{Customer, Relation};
use tests::wecom::{Change, Contact, WecomEvent};
use tests::{Host, Tenant};

use crate::stage::Stage;

pub const STAFF: &str = "linshen";
pub const HOUR_MS: u64 = 60 * 60 * 1000;
pub const DAY_MS: u64 = 24 * HOUR_MS;
pub const TASK: &str = "externalcontact/add_msg_template";

/// At most one message a day.
pub const ONE_A_DAY: &str = "\n[[courier.cap]]\nscenes = [\"direct-message\"]\nat_most = 1\neach = \"day\"\n";

pub fn her(number: u32) -> String {
    format!("wmFabLe{number:025}")
}

pub async fn set(tenant: Tenant) -> Stage {
    Stage::set(&Tenant { policies: Vec::new(), ..tenant }).await
}

/// Somebody adds a member of staff, on the platform and in the host.
pub async fn add(stage: &Stage, number: u32, welcome_code: Option<&str>) {
    let external_userid = her(number);
    {
        let mut corp = stage.on.wecom.corp();
        corp.hire(STAFF, "林");
        corp.meet(Customer { external_userid: external_userid.clone(), ..Customer::default() });
        corp.follow(STAFF, &external_userid, Relation::default());
    }
    let contact = Contact { staff: STAFF.to_owned(), external_userid };
    let welcome_code = welcome_code.map(str::to_owned);
    let change = Change::ContactAdded { contact, state: None, welcome_code };
    let event = WecomEvent { at_s: stage.on.clock.now_s(), change };
    assert!(stage.on.wecom.push(&stage.host.hook(WECOM), &event).await.unwrap().is_accepted());
}

pub fn broadcast(stage: &Stage, name: &str, rendering: &str) -> std::path::PathBuf {
    let path = stage.folder.path().join(format!("{name}.toml"));
    let text = format!("name = \"{name}\"\nfilter = 'size(staff) > 0'\n\n[[rendering]]\n{rendering}\n");
    std::fs::write(&path, text).unwrap();
    path
}

/// Proposes something to everybody, through the host that runs; and once more, where none does.
pub async fn send(mut stage: Stage, name: &str, rendering: &str) -> Stage {
    let file = broadcast(&stage, name, rendering);
    let arguments = ["broadcast", "send", file.to_str().unwrap(), "--by", "li", "--why", "a test"];
    let told = cli_json(&stage.config, &arguments).unwrap();
    assert_eq!(told["known"], 0, "{told}");
    stage.host.stop().await.unwrap();
    let again = cli_json(&stage.config, &arguments).unwrap();
    assert_eq!((&again["proposed"], &again["known"]), (&json!(0), &told["proposed"]), "twice is once");
    stage.host = Host::start(&stage.config).await.unwrap();
    stage
}

/// Intents of a broadcast: state and the word for why not, by customer. What went its way has none.
pub async fn fates(stage: &Stage, name: &str) -> Vec<(String, String)> {
    let page = stage.host.get(&format!("intents?binding=broadcast.{name}")).await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let why_not = |code: &Value| match text(code).as_str() {
        "let-through" | "taken" | "asks-staff" | "receipt" => String::new(),
        word => word.to_owned(),
    };
    let intents = page["intents"].as_array().unwrap().iter();
    intents.map(|intent| (text(&intent["state"]), why_not(&intent["code"]))).collect()
}

pub fn fate(state: &str, code: &str) -> (String, String) {
    (state.to_owned(), code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_reaches_her_within_its_twenty_seconds() {
    let stage = set(Tenant::default()).await;
    add(&stage, 1, Some("WLC_1")).await;
    stage.advance(START_MS + 1_000).await;
    let rendering = "scene = \"welcome\"\ntext = \"欢迎\"\ndetail = { welcome_code = \"WLC_1\" }";
    let stage = send(stage, "welcome", rendering).await;
    stage.advance(START_MS + 2_000).await;
    assert_eq!(fates(&stage, "welcome").await, [fate("sent", "")]);
    assert_eq!(stage.on.wecom.corp().times_received(&her(1), "欢迎"), 1);
    stage.advance(START_MS + DAY_MS).await;
    assert_eq!(stage.on.wecom.corp().times_received(&her(1), "欢迎"), 1);
    stage.host.stop().await.unwrap();
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

/// Nobody vouches for a name that is given where no host runs, but who holds the folder.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_proposed_where_no_host_runs_is_said_by_who_holds_the_configuration() {
    let stage = set(Tenant::default()).await;
    add(&stage, 1, None).await;
    stage.advance(START_MS + 60_000).await;
    let file = broadcast(&stage, "one", "scene = \"direct-message\"\ntext = \"新品到了\"");
    let Stage { host, config, on: _on, folder: _folder } = stage;
    host.stop().await.unwrap();
    let send = |by: &str, why: &str| {
        let arguments = ["broadcast", "send", file.to_str().unwrap(), "--by", by, "--why", why];
        tests::host::cli(&config, &arguments).unwrap()
    };
    for (by, why) in [("", "a test"), ("li", ""), (" ", "a test"), ("li", "two\nlines")] {
        assert!(!send(by, why).status.success(), "{by:?} {why:?}");
    }
    assert!(send("desk/li", " a test ").status.success());
    let records = crate::stage::records(&config);
    let acts: Vec<&Value> = records.iter().map(|record| &record["entry"]["act"]).collect();
    let proposed: Vec<&&Value> = acts.iter().filter(|act| act["deed"].get("propose").is_some()).collect();
    let said: Vec<(&Value, &Value)> = proposed.iter().map(|act| (&act["by"], &act["why"])).collect();
    assert_eq!(said, [(&json!("config/desk/li"), &json!("a test"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_confirm_one_task_and_the_second_message_of_a_day_waits() {
    let stage = set(Tenant { rules: ONE_A_DAY.to_owned(), ..Tenant::default() }).await;
    for number in 1..=3 {
        add(&stage, number, None).await;
    }
    stage.advance(START_MS + 60_000).await;
    let stage = send(stage, "one", "scene = \"direct-message\"\ntext = \"新品到了\"").await;
    stage.advance(START_MS + 120_000).await;
    assert_eq!(fates(&stage, "one").await, vec![fate("awaiting_staff", ""); 3]);
    assert_eq!(stage.on.wecom.corp().unconfirmed(STAFF).len(), 1, "three customers are one task");

    let stage = send(stage, "two", "scene = \"direct-message\"\ntext = \"别的\"").await;
    stage.advance(START_MS + 180_000).await;
    assert_eq!(fates(&stage, "two").await, vec![fate("held", "cap"); 3]);
    let preview = broadcast(&stage, "three", "scene = \"direct-message\"\ntext = \"再来\"");
    let preview = cli_json(&stage.config, &["broadcast", "preview", preview.to_str().unwrap()]).unwrap();
    assert_eq!((&preview["audience"], &preview["fates"][0]["word"]), (&json!(3), &json!("cap")), "{preview}");

    assert_eq!(stage.on.wecom.confirm_all(STAFF), 3);
    stage.advance(START_MS + 6 * HOUR_MS).await;
    assert_eq!(fates(&stage, "one").await, vec![fate("confirmed", ""); 3]);
    let received = |number, text| stage.on.wecom.corp().times_received(&her(number), text);
    assert_eq!([1, 2, 3].map(|number| received(number, "新品到了")), [1, 1, 1]);
    stage.advance(START_MS + DAY_MS + HOUR_MS).await;
    assert_eq!(fates(&stage, "two").await, vec![fate("awaiting_staff", ""); 3]);
    assert_eq!(stage.on.wecom.calls_of(TASK), 2);
    stage.host.stop().await.unwrap();
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
    let listed = cli_text(&stage.config, &["intent", "list", "--state", "confirmed"]).unwrap();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let counted = cli_text(&stage.config, &["intent", "count"]).unwrap();
    assert!(counted.contains("confirmed"), "{counted}");
}

/// The platform did it, and the host died before it heard of that.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_in_the_middle_of_a_call_sends_nothing_twice() {
    let tenant = Tenant { carry_again: vec!["tag"], ..Tenant::default() };
    let stage = set(tenant).await;
    add(&stage, 1, None).await;
    stage.advance(START_MS + 60_000).await;
    let stage = send(stage, "one", "scene = \"direct-message\"\ntext = \"新品到了\"").await;
    let stage = kill_in(stage, TASK, START_MS + 120_000).await;
    stage.advance(START_MS + 180_000).await;
    assert_eq!(fates(&stage, "one").await, [fate("failed", "unknown-end")]);
    stage.advance(START_MS + DAY_MS).await;
    assert_eq!(stage.on.wecom.calls_of(TASK), 1);
    assert_eq!(stage.on.wecom.confirm_all(STAFF), 1);
    assert_eq!(stage.on.wecom.corp().times_received(&her(1), "新品到了"), 1);

    // A tag twice is that tag.
    let stage = send(stage, "tag", "scene = \"tag\"\ndetail = { add = [\"敏感肌\"] }").await;
    let mark = "externalcontact/mark_tag";
    let stage = kill_in(stage, mark, START_MS + DAY_MS + 60_000).await;
    stage.advance(START_MS + DAY_MS + 120_000).await;
    assert_eq!(fates(&stage, "tag").await, [fate("sent", "")]);
    assert_eq!(stage.on.wecom.calls_of(mark), 2);
    let corp = stage.on.wecom.corp();
    let (_, tie) = corp.followers(&her(1)).next().unwrap();
    assert_eq!(tie.tag_ids.len(), 1);
}

/// Lets the host come to a call of this endpoint, which is done and not answered, and kills it there.
async fn kill_in(mut stage: Stage, endpoint: &'static str, now: u64) -> Stage {
    let before = stage.on.wecom.calls_of(endpoint);
    stage.on.wecom.keep_next_answer(endpoint);
    stage.on.clock.reach(now);
    let Stage { host, on, config, folder } = stage;
    let advancing = tokio::spawn(async move {
        drop(tokio::time::timeout(std::time::Duration::from_secs(60), host.advance(now)).await);
        host
    });
    while on.wecom.calls_of(endpoint) == before {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    advancing.abort();
    // Its handle is dropped with the task, and the host is killed with the handle.
    assert!(advancing.await.is_err());
    stage = Stage { host: Host::start(&config).await.unwrap(), on, config, folder };
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_connection_stops_no_other() {
    let stage = set(Tenant::default()).await;
    add(&stage, 1, None).await;
    stage.advance(START_MS + 60_000).await;
    // A second account of the channel whose platform is gone, and which would go first.
    let dead = "\n[[courier.route]]\nscenes = [\"tag\"]\nprefer = [\"dead\"]\n\n\
                [[courier.route]]\nscenes = [\"remark\"]\nprefer = [\"wecom\"]\n";
    let text = std::fs::read_to_string(&stage.config).unwrap();
    let section = text.split("[[connection]]").find(|part| part.contains("name = \"wecom\"")).unwrap();
    let section = section.replace("name = \"wecom\"", "name = \"dead\"");
    let base = stage.on.wecom.base_url();
    let section = section.replace(&base, "http://127.0.0.1:9");
    std::fs::write(&stage.config, format!("{text}\n[[connection]]{section}\n{dead}")).unwrap();
    let rendering = "scene = \"tag\"\ndetail = { add = [\"敏感肌\"] }\n\n\
                     [[rendering]]\nscene = \"remark\"\ntext = \"小满\"";
    let stage = send(stage, "both", rendering).await;
    stage.advance(START_MS + 120_000).await;
    let mut both = fates(&stage, "both").await;
    both.sort();
    assert_eq!(both, [fate("held", "retry"), fate("sent", "")]);
    let plugins = stage.host.get("plugins").await.unwrap();
    let of =
        |name: &str| plugins["plugins"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
    assert!(of("dead").is_some() && of(WECOM).is_some());
    let corp = stage.on.wecom.corp();
    let (_, tie) = corp.followers(&her(1)).next().unwrap();
    assert_eq!((tie.remark.as_str(), tie.tag_ids.len()), ("小满", 0));
}
