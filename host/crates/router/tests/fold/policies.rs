//! Policies in plain Rust that do everything a policy may do: remember, tag, move, wake, intend, tell, and fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use model::{
    Binding, Change, Class, Decision, Digest, Event, Fact, Happening, Intent, NewTag, PolicyDescriptor,
    StaffTask, Stage, Touchpoint, Trait, Turn, Value, Verdict, Wake,
};
use router::{Plugins, PluginsError, TurnOutcome};

/// Three setups: the first policies; another version of one of them; one less.
pub fn setup(which: u8) -> Vec<Binding> {
    let binding = |name: &str, settings: u8, tags: &[&str], reads: &[&str], wants: &[&str]| Binding {
        name: name.to_owned(),
        digest: Digest([settings; 32]),
        settings: format!("{{\"v\":{settings}}}"),
        descriptor: PolicyDescriptor {
            title: name.to_owned(),
            settings_schema: "{}".to_owned(),
            wants: wants.iter().map(|&want| want.to_owned()).collect(),
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            journeys: vec!["way".to_owned()],
            reads: reads.iter().map(|&read| read.to_owned()).collect(),
        },
        carry: false,
        paused: None,
    };
    // One version is shown what came of its intents, the other is not.
    let reads: [&[&str]; 2] = [&["outcomes"], &[]];
    let counter = |settings: u8| {
        let reads = reads[usize::from(settings)];
        binding("counter", settings, &["n:*"], reads, &["did", "bought", "said", "carried"])
    };
    let teller = binding("teller", 0, &["told"], &["n:*", "name"], &[]);
    match which {
        0 => vec![counter(0), teller],
        1 => vec![counter(1), teller],
        3 => vec![counter(1)],
        4 => vec![binding("greedy", 0, &["*"], &["*"], &["did"]), counter(0)],
        _ => vec![counter(0)],
    }
}

#[derive(Default)]
pub struct Natives {
    /// The call that fails, counted from the next one; 0: none.
    failing: AtomicUsize,
    /// Cannot be called.
    forbidden: Mutex<Option<String>>,
}

impl Natives {
    pub fn fail_next(&self) {
        self.fail_at(1);
    }

    /// The nth call from here on.
    pub fn fail_at(&self, call: usize) {
        self.failing.store(call, Ordering::SeqCst);
    }

    pub fn forbid(&self, policy: &str) {
        *self.forbidden.lock().unwrap_or_else(PoisonError::into_inner) = Some(policy.to_owned());
    }

    pub fn allow(&self) {
        *self.forbidden.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub fn heal(&self) {
        self.failing.store(0, Ordering::SeqCst);
    }
}

impl Natives {
    fn fails(&self) -> bool {
        let left = |calls: usize| calls.checked_sub(1);
        self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) == Ok(1)
    }
}

impl Plugins for Natives {
    fn evaluate(&self, binding: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        let forbidden = self.forbidden.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if self.fails() || forbidden.as_ref() == Some(&binding.name) {
            let reason = "out of luck".to_owned();
            return Err(PluginsError { binding: binding.name.clone(), reason, class: Class::Retry });
        }
        Ok(turns
            .iter()
            .map(|turn| match binding.name.as_str() {
                "counter" => count(binding, turn),
                "greedy" => greed(turn),
                _ => tell(turn),
            })
            .collect())
    }
}

/// At each record sixty-four more of what its kind says, or as many others in their place.
fn greed(turn: &Turn<'_>) -> TurnOutcome {
    let Happening::Fact { event, .. } = turn.happening else {
        return TurnOutcome::Verdict(Verdict::default());
    };
    let Fact::Did(act) = &event.fact else { return TurnOutcome::Verdict(Verdict::default()) };
    let name = |number: u64| format!("{}-{number}", turn.position);
    let held: Vec<String> = turn.customer.tags.iter().map(|held| held.name.clone()).collect();
    let untag = held.into_iter().take(32).map(|tag| because("less", Change::Untag(tag)));
    let decisions = match act.kind.as_str() {
        "swap" => untag.chain((0..32).map(|n| because("more", tag(name(n))))).collect(),
        kind => (0..64).map(|n| because("more", more(kind, name(n), turn))).collect(),
    };
    TurnOutcome::Verdict(Verdict { decisions, memory: Some(vec![7]) })
}

fn tag(name: String) -> Change {
    Change::Tag(NewTag { name, expires: None })
}

fn more(kind: &str, name: String, turn: &Turn<'_>) -> Change {
    match kind {
        "tags" => tag(name),
        "traits" => Change::Put(Trait { name, value: Value::Truth(true) }),
        "bytes" => Change::Put(Trait { name, value: Value::Text("x".repeat(40_000)) }),
        "stages" => Change::Stage(Stage { journey: name, stage: "on".to_owned() }),
        "alarms" => Change::Wake(Wake { key: name, due: turn.now + 400_000 }),
        "intents" => Change::Intend(intent(&name)),
        "same" => Change::AskStaff(StaffTask { title: "call".to_owned(), due: Some(9) }),
        _ => Change::AskStaff(StaffTask { title: name, due: None }),
    }
}

fn because(why: &str, change: Change) -> Decision {
    Decision { why: why.to_owned(), change }
}

fn count(binding: &Binding, turn: &Turn<'_>) -> TurnOutcome {
    let seen = turn.memory.and_then(|memory| memory.first()).copied().unwrap_or(0);
    let step = if binding.settings.contains('1') { 2 } else { 1 };
    let seen = seen.wrapping_add(step);
    let mut decisions = vec![because(
        "counted",
        Change::Tag(NewTag {
            name: format!("n:{}", seen % 4),
            expires: (seen % 2 == 0).then_some(turn.now + 25),
        }),
    )];
    match turn.happening {
        Happening::Alarm { key, due } => {
            decisions.push(because(
                "woke",
                Change::Stage(Stage { journey: "way".to_owned(), stage: format!("{key}@{}", due % 5) }),
            ));
            // Once more, but not for ever.
            if seen % 3 == 0 {
                decisions
                    .push(because("again", Change::Wake(Wake { key: "again".to_owned(), due: due + 7 })));
            }
            decisions.push(because("alarm", Change::Intend(intent(&format!("{key}{}", seen % 3)))));
            let title = format!("{key} {seen}");
            decisions.push(because("ask", Change::AskStaff(StaffTask { title, due: Some(due) })));
        }
        Happening::Fact { event, .. } => {
            if let Fact::Did(act) = &event.fact {
                match act.kind.as_str() {
                    "kind0" => decisions.push(because(
                        "k0",
                        Change::Wake(Wake { key: "soon".to_owned(), due: turn.now + 15 }),
                    )),
                    "kind1" => {
                        decisions.push(because("k1", Change::Wake(Wake { key: "past".to_owned(), due: 3 })))
                    }
                    "kind2" => decisions.push(because("k2", Change::Quiet("soon".to_owned()))),
                    _ if seen % 5 == 4 => {
                        return TurnOutcome::Fault { kind: "trap".to_owned(), text: format!("at {seen}") };
                    }
                    _ => decisions.push(because("kx", Change::Untag("n:1".to_owned()))),
                }
            }
            decisions.push(because("fact", Change::Intend(intent(&format!("k{}", seen % 3)))));
        }
    }
    let outcomes = &turn.customer.outcomes;
    if !outcomes.is_empty() {
        let came = outcomes.iter().map(|one| (one.key, one.step.name(), one.at, one.joined));
        let (name, value) = ("came".to_owned(), Value::Text(format!("{:?}", came.collect::<Vec<_>>())));
        decisions.push(because("came", Change::Put(Trait { name, value })));
        decisions.push(because("more", Change::Intend(intent(&format!("m{}", outcomes.len() % 4)))));
    }
    TurnOutcome::Verdict(Verdict { decisions, memory: (seen % 6 != 5).then(|| vec![seen]) })
}

pub fn intent(key: &str) -> Intent {
    Intent {
        key: key.to_owned(),
        scene: "direct-message".to_owned(),
        text: None,
        content: None,
        detail: None,
        not_before: None,
        not_after: None,
    }
}

fn tell(turn: &Turn<'_>) -> TurnOutcome {
    let mut decisions = Vec::new();
    let mut number = turn.customer.tags.len() as f64;
    if let Happening::Fact { event, .. } = turn.happening {
        if let Fact::Did(act) = &event.fact
            && let Some(whom) = &act.whom
            && act.kind != "helped"
        {
            let fact = Fact::Did(model::Act {
                kind: "helped".to_owned(),
                object: Some(turn.customer.id.to_string()),
                title: None,
                quantity: None,
                state: None,
                whom: None,
            });
            let event = Event {
                id: String::new(),
                at: event.at,
                who: vec![whom.clone()],
                staff: None,
                touchpoint: Touchpoint::Other,
                fact,
                extra: None,
            };
            decisions.push(because("helped", Change::Tell(event)));
            decisions.push(because(
                "will look",
                Change::Wake(Wake { key: "look".to_owned(), due: turn.now + 11 }),
            ));
        }
        number += turn.customer.traits.len() as f64 / 2.0;
    }
    if let Happening::Alarm { key: _, due } = turn.happening {
        decisions
            .push(because("look", Change::AskStaff(StaffTask { title: "look".to_owned(), due: Some(due) })));
    }
    decisions.push(because(
        "score",
        Change::Put(Trait { name: "score".to_owned(), value: Value::Number(number) }),
    ));
    TurnOutcome::Verdict(Verdict { decisions, memory: None })
}
