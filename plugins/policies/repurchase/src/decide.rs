//! From the picture to decisions: whatever differs from what was said before.
//!
//! Order: categories as in the settings; for each its suppression, its being overdue, what it offers, its revisit; then
//! the stage, then the alarm. A suppression that ends at the instant of a revisit ends first.

use heliu_sdk::events::Instant;
use heliu_sdk::policy::{Alarm, Change, Decision, HeldStage, Intent, NewTag};

use crate::memory::{Memory, Stage};
use crate::picture::{Picture, Stock};
use crate::plan::{Category, Plan, Revisit};
use crate::why;

/// The one journey of this policy.
pub const JOURNEY: &str = "repurchase";
/// The one alarm that a customer has: when her picture changes next by itself.
const ALARM: &str = "next";

pub struct Decider<'a> {
    pub plan: &'a Plan,
    pub picture: &'a Picture,
    pub now: Instant,
    pub decisions: Vec<Decision>,
}

impl Decider<'_> {
    /// Decides everything anew.
    pub fn decide(&mut self, memory: &mut Memory) {
        let (plan, picture) = (self.plan, self.picture);
        for (place, category) in plan.categories.iter().enumerate() {
            let stock = picture.stock(category.id);
            self.suppress(memory, category, stock);
            self.overdue(memory, category, stock);
            self.offer(memory, place, category);
            if let (Some(stock), Some(revisit)) = (stock, &category.revisit) {
                self.revisit(memory, category, stock, revisit);
            }
        }
        self.stage(memory);
        memory.tidy(self.now);
        self.alarm(memory);
    }

    fn suppress(&mut self, memory: &mut Memory, category: &Category, stock: Option<&Stock>) {
        let until = stock.map_or(0, |stock| stock.suppress_until(category));
        let Some(said) = memory.said_if(category.id, until > self.now) else { return };
        let name = || ["suppress:", category.name.as_str()].concat();
        if until > self.now && until > said.suppress_until {
            said.suppress_until = until;
            let why = why::suppressed(self.plan, category, stock);
            self.decisions.push(tag(why, name(), until));
        } else if until <= self.now && said.suppress_until > self.now {
            // The order was taken back. One that is taken back while an older one still suppresses changes nothing:
            // a tag cannot be shortened, and not to show a thing for longer does no harm.
            said.suppress_until = 0;
            self.decisions.push(untag(why::taken_back(category), name()));
        }
    }

    fn overdue(&mut self, memory: &mut Memory, category: &Category, stock: Option<&Stock>) {
        let is_overdue = stock.and_then(|stock| stock.overdue_at(category)).is_some_and(|at| at <= self.now);
        let Some(said) = memory.said_if(category.id, is_overdue) else { return };
        let name = || ["overdue:", category.name.as_str()].concat();
        if is_overdue != said.is_overdue {
            said.is_overdue = is_overdue;
            let why = why::overdue(self.plan, category, stock, is_overdue);
            let change = if is_overdue { tag_without_end(name()) } else { Change::Untag(name()) };
            self.decisions.push(Decision { why, change });
        }
    }

    /// What goes with other categories that she bought, unless she bought this one.
    fn offer(&mut self, memory: &mut Memory, place: usize, category: &Category) {
        let has_it =
            self.picture.stock(category.id).is_some_and(|stock| stock.suppress_until(category) > self.now);
        let offering = self.plan.categories.iter().filter(|other| !has_it && other.offers.contains(&place));
        let offers = offering.filter_map(|other| {
            let bought_at = self.picture.stock(other.id)?.bought_at;
            Some((bought_at.saturating_add(other.offer_ms), other))
        });
        let offer = offers.filter(|(until, _)| *until > self.now).max_by_key(|(until, _)| *until);
        let Some(said) = memory.said_if(category.id, offer.is_some()) else { return };
        let name = || ["offer:", category.name.as_str()].concat();
        match offer {
            Some((until, other)) if until > said.offer_until => {
                said.offer_until = until;
                let why = why::offered(self.plan, other, self.picture.stock(other.id), category);
                self.decisions.push(tag(why, name(), until));
            }
            Some(_) => {}
            None if said.offer_until > self.now => {
                said.offer_until = 0;
                let why = if has_it { why::has_it(category) } else { why::nothing_goes_with(category) };
                self.decisions.push(untag(why, name()));
            }
            None => {}
        }
    }

    fn revisit(&mut self, memory: &mut Memory, category: &Category, stock: &Stock, revisit: &Revisit) {
        let Some(due) = stock.revisit_at(category).filter(|&due| due <= self.now) else { return };
        // What would have been sent in the past is not sent now.
        let not_after = due.saturating_add(self.plan.revisit_valid_ms);
        let said = memory.said(category.id);
        if said.revisited == stock.order || not_after <= self.now {
            return;
        }
        said.revisited = stock.order;
        let suppressed_until = stock.suppress_until(category);
        if said.suppress_until > 0 && suppressed_until == self.now {
            said.suppress_until = 0;
            let why = why::suppression_over(self.plan, category, suppressed_until);
            self.decisions.push(untag(why, format!("suppress:{}", category.name)));
        }
        let why = why::revisited(self.plan, category, stock, self.now);
        let key = format!("revisit:{}:{:016x}", category.name, stock.order);
        if let Some(text) = &revisit.message {
            let intent = Intent {
                key: key.clone(),
                scene: "direct-message".to_owned(),
                text: Some(text.clone()),
                content: revisit.content.clone(),
                detail: Some(revisit.detail.clone()),
                not_before: None,
                not_after: Some(not_after),
            };
            self.decisions.push(Decision { why: why.clone(), change: Change::Intend(intent) });
        }
        if let Some(text) = &revisit.moments {
            // A post is an advertisement: it waits for the end of a suppression that outlasts the revisit.
            let not_before = Some(suppressed_until).filter(|&until| until > self.now);
            let not_after =
                not_before.map_or(not_after, |from| from.saturating_add(self.plan.revisit_valid_ms));
            let intent = Intent {
                key: format!("{key}:moments"),
                scene: "moments".to_owned(),
                text: Some(text.clone()),
                content: revisit.content.clone(),
                detail: Some(revisit.moments_detail.clone()),
                not_before,
                not_after: Some(not_after),
            };
            self.decisions.push(Decision { why, change: Change::Intend(intent) });
        }
    }

    fn stage(&mut self, memory: &mut Memory) {
        let stage = self.picture.stage(self.plan, self.now);
        let nothing_yet = memory.stage.is_none() && stage == Stage::NoOrder;
        if memory.stage != Some(stage) && !nothing_yet {
            memory.stage = Some(stage);
            let why = why::stage(self.plan, self.picture, stage);
            let held = HeldStage { journey: JOURNEY.to_owned(), stage: stage.name(self.plan).to_owned() };
            self.decisions.push(Decision { why, change: Change::Stage(held) });
        }
    }

    /// One alarm, at the first instant at which time alone changes the picture.
    fn alarm(&mut self, memory: &mut Memory) {
        let next = self.next(memory);
        let due = next.as_ref().map_or(0, |(due, _)| *due);
        if due == memory.due {
            return;
        }
        memory.due = due;
        self.decisions.push(match next {
            Some((due, what)) => {
                let change = Change::Wake(Alarm { key: ALARM.to_owned(), due });
                Decision { why: why::wake(self.plan, due, &what), change }
            }
            None => Decision { why: why::quiet(), change: Change::Quiet(ALARM.to_owned()) },
        });
    }

    fn next(&self, memory: &Memory) -> Option<(Instant, why::Next<'_>)> {
        let mut next: Option<(Instant, why::Next<'_>)> = None;
        let mut consider = |at: Instant, what| {
            if at > self.now && next.as_ref().is_none_or(|(first, _)| at < *first) {
                next = Some((at, what));
            }
        };
        for stock in &self.picture.stocks {
            let Some(category) = self.plan.category(stock.category) else { continue };
            let revisited =
                memory.said.iter().any(|said| said.category == category.id && said.revisited == stock.order);
            if let Some(at) = stock.revisit_at(category).filter(|_| !revisited) {
                consider(at, why::Next::Revisit(category));
            }
            if let Some(at) = stock.overdue_at(category) {
                consider(at, why::Next::Overdue(category));
            }
        }
        if self.picture.orders > 0 {
            consider(self.picture.expected_by, why::Next::Stage(Stage::Lapsing));
            consider(self.picture.lapsed_at(self.plan), why::Next::Stage(Stage::Lapsed));
        }
        next
    }
}

impl Stage {
    pub fn name(self, plan: &Plan) -> &str {
        match self {
            Stage::NoOrder => &plan.stages.no_order,
            Stage::FirstOrder => &plan.stages.first_order,
            Stage::SecondOrder => &plan.stages.second_order,
            Stage::Repeat => &plan.stages.repeat,
            Stage::Vip => &plan.stages.vip,
            Stage::Lapsing => &plan.stages.lapsing,
            Stage::Lapsed => &plan.stages.lapsed,
            Stage::Returned => &plan.stages.returned,
        }
    }
}

fn tag(why: String, name: String, expires: Instant) -> Decision {
    Decision { why, change: Change::Tag(NewTag { name, expires: Some(expires) }) }
}

fn tag_without_end(name: String) -> Change {
    Change::Tag(NewTag { name, expires: None })
}

fn untag(why: String, name: String) -> Decision {
    Decision { why, change: Change::Untag(name) }
}
