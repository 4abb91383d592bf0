//! Everything in a customer's document that has a cause, as one list.

use std::borrow::Cow;

use model::{Cause, Customer, HeldIntent, HeldStage, HeldTag, HeldTask, HeldTrait, Instant, Value};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldKind {
    Tag,
    Stage,
    Trait,
    Intent,
    Task,
    /// Not part of [`held`]: who asks for an alarm finds its cause.
    Alarm,
}

/// One thing that is so, and why.
#[derive(Clone, Debug)]
pub struct Held<'a> {
    pub kind: HeldKind,
    /// The tag's or trait's name, the stage's journey, the intent's key, the task's title.
    pub name: &'a str,
    /// The trait's value, the stage in its journey, the intent's scene.
    pub detail: Option<Cow<'a, str>>,
    /// Since when. None where the cause's own time is all there is.
    pub since: Option<Instant>,
    /// When the tag ends, when the intent or the task is over.
    pub until: Option<Instant>,
    /// The intent itself, where it is one: how far it has come, and step by step.
    pub intent: Option<&'a HeldIntent>,
    pub cause: Cow<'a, Cause>,
}

/// Tags, stages, traits, intents and tasks, each in the document's order.
pub fn held(customer: &Customer) -> impl Iterator<Item = Held<'_>> {
    let tags = customer.tags.iter().map(of_tag);
    let stages = customer.stages.iter().map(of_stage);
    let traits = customer.traits.iter().map(of_trait);
    let intents = customer.intents.iter().map(of_intent);
    let tasks = customer.tasks.iter().map(of_task);
    tags.chain(stages).chain(traits).chain(intents).chain(tasks)
}

fn of_tag(tag: &HeldTag) -> Held<'_> {
    let HeldTag { name, since, expires, cause } = tag;
    Held {
        kind: HeldKind::Tag,
        name,
        detail: None,
        since: Some(*since),
        until: *expires,
        intent: None,
        cause: Cow::Borrowed(cause),
    }
}

fn of_stage(held: &HeldStage) -> Held<'_> {
    let HeldStage { journey, stage, since, cause } = held;
    let detail = Some(Cow::Borrowed(stage.as_str()));
    let since = Some(*since);
    let cause = Cow::Borrowed(cause);
    Held { kind: HeldKind::Stage, name: journey, detail, since, until: None, intent: None, cause }
}

fn of_trait(held: &HeldTrait) -> Held<'_> {
    let HeldTrait { name, value, cause } = held;
    let detail = Some(match value {
        Value::Text(text) => Cow::Borrowed(text.as_str()),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Truth(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
        Value::Time(time) => Cow::Owned(time.to_string()),
    });
    let cause = Cow::Borrowed(cause);
    Held { kind: HeldKind::Trait, name, detail, since: None, until: None, intent: None, cause }
}

fn of_intent(held: &HeldIntent) -> Held<'_> {
    let intent = &held.intent;
    let detail = Some(Cow::Borrowed(intent.scene.as_str()));
    let (until, cause) = (intent.not_after, Cow::Borrowed(&held.cause));
    Held { kind: HeldKind::Intent, name: &intent.key, detail, since: None, until, intent: Some(held), cause }
}

fn of_task(held: &HeldTask) -> Held<'_> {
    let HeldTask { binding: _, task, cause } = held;
    let (name, until, cause) = (&task.title, task.due, Cow::Borrowed(cause));
    Held { kind: HeldKind::Task, name, detail: None, since: None, until, intent: None, cause }
}
