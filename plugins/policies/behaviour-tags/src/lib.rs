//! Tags from what a customer did, said, saw or bought, or has not done for a while: the rules are settings.
//!
//! A rule is on a content, not on a place: it counts wherever the content was met, unless it says otherwise. Time is
//! the channel's (`at`): a fact that arrives late counts where it belongs. Alarms look at what is remembered then.
//! Tags begin with `behaviour:`, so that the descriptor can name them without knowing the settings.

mod condition;
mod memory;
mod rules;
mod settings;
mod why;

use heliu_sdk::events::{Event, Fact, Instant, OrderStep};
use heliu_sdk::policy::{Alarm, Change, Decision, Descriptor, Happening, NewTag, Turn, fingerprint};

use crate::memory::{Keep, Mark, Memory, Track};
use crate::rules::{PREFIX, Plan, Rule, Rules};
use crate::why::{Because, Teller};

/// The end of time, for tags that stay.
const FOREVER: Instant = Instant::MAX;

/// The policy.
pub struct BehaviourTags;

impl heliu_sdk::Policy for BehaviourTags {
    type Settings = Rules;
    type Memory = Memory;

    fn describe() -> Descriptor {
        Descriptor {
            title: "Tags from behaviour 行为标签".to_owned(),
            settings_schema: heliu_sdk::schema::<settings::Settings>(),
            // Any rule may ask for any of these; which ones do is known only with the settings.
            wants: ["saw", "said", "bought", "did", "met"].map(str::to_owned).to_vec(),
            tags: vec![format!("{PREFIX}*")],
            journeys: Vec::new(),
            reads: Vec::new(),
        }
    }

    fn evaluate(settings: &Rules, memory: &mut Memory, turn: &Turn) -> Result<Vec<Decision>, String> {
        let mut fold = Fold { settings, now: turn.now, decisions: Vec::new() };
        match &turn.happening {
            Happening::Fact(event) => fold.fact(memory, event),
            Happening::Alarm(alarm) => fold.alarm(memory, alarm),
        }
        memory.tidy();
        Ok(fold.decisions)
    }
}

heliu_sdk::export_policy!(BehaviourTags);

/// One happening on its way through the rules.
struct Fold<'a> {
    settings: &'a Rules,
    now: Instant,
    decisions: Vec<Decision>,
}

impl Fold<'_> {
    fn fact(&mut self, memory: &mut Memory, event: &Event) {
        let (key, given_back) = match &event.fact {
            Fact::Bought(order) => (fingerprint(&order.id), is_given_back(order.step)),
            Fact::Said(_) | Fact::Saw(_) | Fact::Did(_) | Fact::Met(_) | Fact::Told(_) | Fact::Carried(_) => {
                (fingerprint(&event.id), false)
            }
        };
        if given_back {
            memory.void(key);
        }
        for rule in &self.settings.rules {
            self.end(rule, memory, event);
            if given_back && rule.when.counts_paid_orders() {
                self.take_back(rule, memory, key);
            }
            let is_void = rule.when.counts_paid_orders() && memory.is_void(key);
            let values = rule.when.values(event, rule.per);
            for value in values.into_iter().filter(|_| !is_void) {
                let track = self.open(rule, memory, value);
                let keep = if matches!(rule.plan, Plan::Stay { .. }) { Keep::Oldest } else { Keep::Newest };
                let mark = Mark { at: rule.when.time(event), key };
                if track.mark(mark, rule.capacity(), keep) {
                    self.settle(rule, track, None);
                }
            }
        }
    }

    fn alarm(&mut self, memory: &mut Memory, alarm: &Alarm) {
        let (name, value) = alarm.key.split_once('/').unwrap_or((&alarm.key, ""));
        let rule = self.settings.rules.iter().find(|rule| rule.name == name);
        // An alarm of a rule that is gone, or of a count that was forgotten, has nothing to say.
        if let Some(rule) = rule
            && let Some(track) = memory.find(rule.id, value)
        {
            track.armed = 0;
            self.settle(rule, track, None);
        }
    }

    /// Begins counts anew, where the event is one that does.
    fn end(&mut self, rule: &Rule, memory: &mut Memory, event: &Event) {
        if let Some(group) = rule.when.left(event).filter(|_| matches!(rule.plan, Plan::Stay { .. })) {
            let track = self.open(rule, memory, if rule.per.is_some() { group } else { "" });
            track.end(event.at);
            self.settle(rule, track, Some(&Because::Left(event.at)));
        }
        let Some(condition) = &rule.untag_on else { return };
        let at = condition.time(event);
        let because = Because::Happened(condition, at);
        let same_values = rule.per.filter(|&per| condition.tells_apart(per));
        let values = condition.values(event, same_values);
        if rule.per.is_some() && same_values.is_none() {
            // It cannot tell the values apart: it ends them all.
            for track in memory.of_rule(rule.id).filter(|_| !values.is_empty()) {
                track.end(at);
                self.settle(rule, track, Some(&because));
            }
            return;
        }
        for value in values {
            let track = self.open(rule, memory, value);
            track.end(at);
            self.settle(rule, track, Some(&because));
        }
    }

    fn take_back(&mut self, rule: &Rule, memory: &mut Memory, order: u64) {
        for track in memory.of_rule(rule.id) {
            if track.unmark(order) {
                self.settle(rule, track, Some(&Because::GivenBack));
            }
        }
    }

    /// Opens a count. One that has to make room loses its alarm; a tag that it gave stays.
    fn open<'m>(&mut self, rule: &Rule, memory: &'m mut Memory, value: &str) -> &'m mut Track {
        let (track, forgotten) = memory.open(rule.id, value);
        if let Some(mut forgotten) = forgotten
            && let Some(rule) = self.settings.rules.iter().find(|rule| rule.id == forgotten.rule)
        {
            self.quiet(rule, &mut forgotten);
        }
        track
    }

    /// Brings the tag and the alarm in line with the count. `ended` is what took facts away, if anything did.
    fn settle(&mut self, rule: &Rule, track: &mut Track, ended: Option<&Because<'_>>) {
        let enough = track.marks.len() >= rule.plan.facts();
        match rule.plan {
            Plan::Count { within_ms, .. } => {
                let first = track.marks.iter().rev().nth(rule.plan.facts() - 1);
                let close = |ms| first.is_some_and(|first| track.newest() - first.at <= ms);
                let close = within_ms.is_none_or(close);
                match ended {
                    _ if enough && close => self.tag(rule, track, track.newest()),
                    // The count slid on, but the tag was right when it was given.
                    None => {}
                    Some(because) => self.untag(rule, track, because),
                }
            }
            Plan::Silence { for_ms, .. } | Plan::Stay { for_ms } => {
                let due = track.newest().saturating_add(for_ms);
                if enough && due <= self.now {
                    self.quiet(rule, track);
                    self.tag(rule, track, due);
                    return;
                }
                self.untag(rule, track, ended.unwrap_or(&Because::Again));
                if enough { self.wake(rule, track, due) } else { self.quiet(rule, track) }
            }
        }
    }

    /// Gives the tag, or renews it, counting its lifetime from `since`. One that would be over by now is not given.
    fn tag(&mut self, rule: &Rule, track: &mut Track, since: Instant) {
        let until = rule.lifetime_ms.map_or(FOREVER, |ms| since.saturating_add(ms));
        if until > self.now && until > track.tagged_until {
            track.tagged_until = until;
            let expires = rule.lifetime_ms.map(|_| until);
            let why = self.teller(rule).tag(track);
            let change = Change::Tag(NewTag { name: rule.tag(&track.value), expires });
            self.decisions.push(Decision { why, change });
        }
    }

    fn untag(&mut self, rule: &Rule, track: &mut Track, because: &Because<'_>) {
        let held = track.tagged_until > self.now;
        track.tagged_until = 0;
        if held {
            let why = self.teller(rule).untag(because, track);
            self.decisions.push(Decision { why, change: Change::Untag(rule.tag(&track.value)) });
        }
    }

    fn wake(&mut self, rule: &Rule, track: &mut Track, due: Instant) {
        if track.armed != due {
            track.armed = due;
            let why = self.teller(rule).alarm(track);
            self.decisions
                .push(Decision { why, change: Change::Wake(Alarm { key: alarm_key(rule, track), due }) });
        }
    }

    fn quiet(&mut self, rule: &Rule, track: &mut Track) {
        if track.armed != 0 {
            track.armed = 0;
            let why = self.teller(rule).alarm(track);
            self.decisions.push(Decision { why, change: Change::Quiet(alarm_key(rule, track)) });
        }
    }

    fn teller<'r>(&self, rule: &'r Rule) -> Teller<'r> {
        Teller { rule, utc_offset_minutes: self.settings.utc_offset_minutes }
    }
}

fn alarm_key(rule: &Rule, track: &Track) -> String {
    if track.value.is_empty() { rule.name.clone() } else { format!("{}/{}", rule.name, track.value) }
}

fn is_given_back(step: OrderStep) -> bool {
    match step {
        OrderStep::Cancelled | OrderStep::Refunded => true,
        OrderStep::Placed
        | OrderStep::Paid
        | OrderStep::Shipped
        | OrderStep::Received
        | OrderStep::Completed => false,
        OrderStep::RefundAsked | OrderStep::PartRefunded => false,
    }
}
