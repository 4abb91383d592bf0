//! `heliu broadcast`: who is held out, who is proposed, and what a preview says of it.

use courier::{Budget, Consent, Limit, Of, Plan, Scope, Step, Suppression, Then};
use model::{
    Ability, Carriage, ConnectorDescriptor, CustomerId, Deed, OperatorAct, Progress, Proposal, Scheme,
};
use serde_json::{Value as Json, json};
use store::Query;
use tempfile::TempDir;

use super::*;
use crate::carrying::Outlet;

const NOON: Instant = MARCH + 4 * 3_600_000;
const CATEGORY: &str = "cream";

/// Somebody at a terminal: a file, and what it is held against.
struct Desk {
    host: Host,
    plan: Plan,
    folder: TempDir,
}

impl Desk {
    /// So many customers, all of them of yesterday.
    fn with(customers: u64, plan: Plan) -> Desk {
        let host = Host::empty();
        host.append(MARCH - DAY_MS, vec![Entry::Setup(setup())]);
        let meets = |number| event(&format!("met-{number}"), number, told(&format!("customer {number}")));
        host.append(MARCH - DAY_MS, (1..=customers).map(meets).collect());
        host.fold(MARCH - DAY_MS);
        Desk { host, plan, folder: tempfile::tempdir().unwrap() }
    }

    fn tell(&self, now: Instant, entries: Vec<Entry>) {
        self.host.append(now, entries);
        self.host.fold(now);
    }

    /// Writes the broadcast; `rest` are more of its keys.
    fn file(&self, rest: &str) -> String {
        let path = self.folder.path().join("spring.toml");
        let text = format!(
            "name = \"spring\"\nfilter = 'true'\n{rest}\n[[rendering]]\nscene = \"direct-message\"\ntext = \"hello\"\n"
        );
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// At noon.
    fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.host.fold(NOON);
        let descriptor = ConnectorDescriptor {
            channel: "wecom".to_owned(),
            title: String::new(),
            settings_schema: "{}".to_owned(),
            schemes: vec![Scheme { name: "phone".to_owned(), lasting: true, one_per_person: false }],
            abilities: vec![Ability { scene: "direct-message".to_owned(), carriage: Carriage::Sends }],
            hosts: Vec::new(),
        };
        let ground = super::super::Ground {
            asked: super::super::Asked { now: NOON, ..self.host.asked(Vec::new()) },
            plan: self.plan.clone(),
            outlets: vec![Outlet::new("wecom-main", &descriptor, "{}", &[], &[], None)],
            stages: Vec::new(),
            propose: Box::new(super::super::propose_alone),
        };
        let command: super::super::BroadcastCommand = try_parsed(arguments)?;
        printed(|out, json| super::super::broadcast(command, &ground, json, out), arguments)
    }

    fn json(&self, arguments: &[&str]) -> Json {
        let arguments = [arguments, &["--json"]].concat();
        serde_json::from_str(&self.run(&arguments).unwrap()).unwrap()
    }

    fn send(&self, file: &str) -> Json {
        let told = self.json(&["send", file, "--by", "li", "--why", "spring is here"]);
        self.host.fold(NOON);
        told
    }

    /// Everybody's id, and whether something was proposed to her.
    fn proposed(&self) -> Vec<(CustomerId, bool)> {
        let everybody = self.host.store.page(&Query { limit: usize::MAX, ..Query::default() }).unwrap();
        everybody.iter().map(|her| (her.id, !her.intents.is_empty())).collect()
    }
}

type Fate = (String, String, u64);

fn fate(fate: &str, word: &str, intents: u64) -> Fate {
    (fate.to_owned(), word.to_owned(), intents)
}

/// What the rules would say, and of how many.
fn fates(preview: &Json) -> Vec<Fate> {
    let fates = preview["fates"].as_array().unwrap().iter();
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    fates.map(|one| (text(&one["fate"]), text(&one["word"]), one["intents"].as_u64().unwrap())).collect()
}

fn buys(id: &str, number: u64, at: Instant) -> Entry {
    let Fact::Bought(mut order) = bought() else { panic!("an order") };
    order.id = id.to_owned();
    order.placed_at = at;
    order.lines[0].category = Some(CATEGORY.to_owned());
    event(id, number, Fact::Bought(order))
}

fn consents(number: u64, so: bool) -> Entry {
    let said = Trait { name: "consent".to_owned(), value: Value::Truth(so) };
    event(&format!("said-{number}"), number, Fact::Told(vec![said]))
}

#[test]
fn who_is_held_out_is_proposed_nothing_however_often_it_is_sent() {
    let desk = Desk::with(20, Plan::default());
    let file = desk.file("hold_out = 0.5");
    let preview = desk.json(&["preview", &file]);
    let told = desk.send(&file);
    let proposed = desk.proposed();
    let audience = proposed.iter().filter(|(_, proposed)| *proposed).count();
    assert!((4..=16).contains(&audience), "about half of twenty: {audience}");
    let counts = |told: &Json| ["audience", "held_out"].map(|key| told[key].as_u64().unwrap());
    let expected = [audience as u64, 20 - audience as u64];
    assert_eq!([counts(&preview), counts(&told)], [expected; 2]);
    assert_eq!((&told["proposed"], &told["known"]), (&json!(audience), &json!(0)));
    let again = desk.send(&file);
    assert_eq!((&again["proposed"], &again["known"]), (&json!(0), &json!(audience)), "{again}");
    assert_eq!(desk.proposed(), proposed, "the same are held out, and nobody is proposed twice");
    let results = desk.json(&["results", &file]);
    assert_eq!(results["proposed"]["customers"], json!(audience), "{results}");
    assert_eq!(results["held_out"]["customers"], json!(20 - audience), "{results}");
}

/// A broadcast for tomorrow used to be judged today, when nothing but its time is looked at.
#[test]
fn a_scheduled_broadcast_is_previewed_as_it_will_be_judged_at_its_time() {
    let consent = Consent {
        scope: Scope::default(),
        needs_trait: Some("consent".to_owned()),
        needs_tag: None,
        forbids_tags: Vec::new(),
    };
    let suppression = Suppression {
        scope: Scope::default(),
        category: Some(CATEGORY.to_owned()),
        kind: None,
        id: None,
        bought: None,
        ms: 3 * DAY_MS,
        then: Then::Drop,
    };
    let zone = courier::Zone::named("Asia/Shanghai").unwrap();
    let plan = Plan { zone, consents: vec![consent], suppressions: vec![suppression], ..Plan::default() };
    let desk = Desk::with(4, plan);
    desk.tell(MARCH, (1..=4).map(|number| consents(number, number != 1)).collect());
    // The second bought today, and the third so long ago that it is over when the broadcast is due.
    desk.tell(MARCH, vec![buys("o2", 2, MARCH), buys("o3", 3, NOON - 2 * DAY_MS - 1)]);
    let content = "[content]\nid = \"poster\"\nkind = \"poster\"\ncategory = \"cream\"";
    let tomorrow = desk.file(&format!("not_before = \"2026-03-02T12:00:00+08:00\"\n{content}"));
    let preview = desk.json(&["preview", &tomorrow]);
    assert_eq!(
        fates(&preview),
        [fate("carry", "wecom-main", 2), fate("drop", "consent", 1), fate("drop", "suppressed", 1)]
    );
    assert_eq!((&preview["now"], &preview["at"]), (&json!(NOON), &json!(NOON + DAY_MS)));
    let text = desk.run(&["preview", &tomorrow]).unwrap();
    let line = "when the first of it may go out, 2026-03-02 12:00 in Asia/Shanghai:";
    assert!(text.contains(line), "{text}");
    // Of one that may go at once, now is what counts.
    let preview = desk.json(&["preview", &desk.file(content)]);
    assert_eq!(
        fates(&preview),
        [fate("carry", "wecom-main", 1), fate("drop", "consent", 1), fate("drop", "suppressed", 2)]
    );
    assert_eq!(preview["at"], json!(NOON));
    let text = desk.run(&["preview", &desk.file(content)]).unwrap();
    assert!(text.contains("if it were proposed now, 2026-03-01 12:00 in Asia/Shanghai:"), "{text}");
}

#[test]
fn a_scheduled_broadcast_has_the_budget_of_its_own_day() {
    let steps = vec![Step { day: 0, budget: 1 }, Step { day: 2, budget: 2 }];
    let budget = Budget { scope: Scope::default(), of: Of::Connection, steps };
    let desk = Desk::with(3, Plan { budgets: vec![budget], ..Plan::default() });
    // The budget of today is used up.
    let (her, _) = desk.proposed()[0];
    let intent = Intent {
        key: "k".to_owned(),
        scene: "direct-message".to_owned(),
        text: Some("hi".to_owned()),
        content: None,
        detail: None,
        not_before: None,
        not_after: None,
    };
    let deed = Deed::Propose(Proposal { customer: her, binding: "broadcast.other".to_owned(), intent });
    let (by, why) = ("li".to_owned(), "a test".to_owned());
    desk.tell(MARCH, vec![Entry::Act(OperatorAct { id: "a".to_owned(), by, why, deed })]);
    let held = desk.host.store.load(&[her]).unwrap().remove(0).unwrap().intents.remove(0);
    desk.tell(
        MARCH + 1,
        vec![Entry::Progress(Progress {
            intent: held.id,
            customer: her,
            cause: held.cause.position,
            id: "due".to_owned(),
            state: model::IntentState::Due,
            connection: Some("wecom-main".to_owned()),
            staff: None,
            receipt: None,
            until: None,
            code: String::new(),
            reason: String::new(),
        })],
    );
    assert_eq!(fates(&desk.json(&["preview", &desk.file("")])), [fate("hold", "budget", 3)]);
    let tomorrow = desk.file("not_before = \"2026-03-02T12:00:00+08:00\"");
    // It is the account's third day by then.
    assert_eq!(
        fates(&desk.json(&["preview", &tomorrow])),
        [fate("carry", "wecom-main", 2), fate("hold", "budget", 1)]
    );
}

#[test]
fn a_preview_names_who_is_meant_and_what_would_become_of_each() {
    let cap = courier::Cap {
        name: None,
        scope: Scope::default(),
        limit: Limit::Count(0),
        window: courier::Window::Sliding(DAY_MS),
        zone: courier::Zone::utc(),
    };
    let desk = Desk::with(5, Plan::default());
    let file = desk.file("");
    assert_eq!(desk.json(&["preview", &file])["customers"], Json::Null, "names are asked for");
    let ids: Vec<String> = desk.proposed().iter().map(|(id, _)| id.to_string()).collect();
    let named = |preview: &Json| -> Vec<String> {
        let customers = preview["customers"].as_array().unwrap().iter();
        customers.map(|her| her["id"].as_str().unwrap().to_owned()).collect()
    };
    let first = desk.json(&["preview", &file, "--list", "--limit", "3"]);
    assert_eq!((named(&first), &first["next"]), (ids[..3].to_vec(), &json!(ids[2])));
    assert_eq!((&first["audience"], fates(&first)), (&json!(5), vec![fate("carry", "wecom-main", 5)]));
    let rest = desk.json(&["preview", &file, "--list", "--limit", "3", "--after", &ids[2]]);
    assert_eq!((named(&rest), &rest["next"]), (ids[3..].to_vec(), &Json::Null));
    let carry = json!([{
        "scene": "direct-message", "fate": "carry", "word": "wecom-main", "until": null, "reason": "",
    }]);
    assert_eq!(rest["customers"][0]["fates"], carry);
    // What was proposed before is named as what it is.
    desk.send(&file);
    let known = desk.json(&["preview", &file, "--list"]);
    assert_eq!((&known["known"], &known["customers"][4]["fates"][0]["fate"]), (&json!(5), &json!("known")));
    assert_eq!(known["customers"][4]["fates"][0]["word"], "proposed");
    // And why not, in words.
    let strict = Desk { plan: Plan { caps: vec![cap], ..Plan::default() }, ..Desk::with(2, Plan::default()) };
    let text = strict.run(&["preview", &strict.file(""), "--list", "--limit", "1"]).unwrap();
    let line = text.lines().find(|line| line.starts_with(&ids[0])).unwrap();
    assert!(line.contains("direct-message  hold  cap") && line.contains("at most 0"), "{text}");
    assert!(text.ends_with(&format!("more: --after {}\n", ids[0])), "{text}");
    assert!(desk.run(&["preview", &file, "--after", &ids[0]]).is_err(), "only a list is gone on with");
}

#[test]
fn a_dry_run_says_what_the_preview_says_and_proposes_nothing() {
    let desk = Desk::with(3, Plan::default());
    let file = desk.file("hold_out = 0.5");
    let head = desk.host.journal.head().unwrap();
    let tried = desk.run(&["send", &file, "--dry-run", "--by", "li", "--why", "a test"]).unwrap();
    assert_eq!(tried, desk.run(&["preview", &file]).unwrap());
    assert_eq!(desk.host.journal.head().unwrap(), head);
    for missing in [&["send", &file][..], &["send", &file, "--by", "li"], &["send", &file, "--why", "so"]] {
        let refused = desk.run(missing).unwrap_err().to_string();
        assert!(refused.contains("required"), "{refused}");
    }
    assert_eq!(desk.host.journal.head().unwrap(), head);
}
