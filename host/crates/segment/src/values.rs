//! A customer as the variables of a filter.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, Value};
use chrono::{DateTime, SecondsFormat};
use model::{Customer, Handle, HeldStage, HeldTag, HeldTrait, Identity, Instant, Latest};

const DAY_MS: f64 = 86_400_000.0;

/// CEL's own functions. What a filter may use of them, `check` decides.
static FUNCTIONS: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// What a filter names: nothing else is made for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uses {
    pub(crate) variables: BTreeSet<&'static str>,
    /// Of `days`.
    pub(crate) days: BTreeSet<&'static str>,
}

pub(crate) fn context(uses: &Uses, customer: &Customer, now: Instant) -> Context<'static, 'static> {
    let mut context = Context::with_env(Arc::clone(&FUNCTIONS));
    for &variable in &uses.variables {
        if let Some(value) = value(variable, customer, now) {
            context.add_variable_from_value(variable, value);
        }
    }
    context
}

/// None: there is no such variable, which the check excludes.
fn value(variable: &str, customer: &Customer, now: Instant) -> Option<Value> {
    let since = |then: Instant| days_between(then, now);
    let Customer { tags, traits, stages, staff, .. } = customer;
    Some(match variable {
        "channels" => texts(channels(customer).into_iter().map(str::to_owned)),
        "count" => counts(customer).into(),
        "days" => days(customer, now).into(),
        "schemes" => texts(customer.handles.iter().map(scheme)),
        "scopes" => texts(customer.handles.iter().filter_map(scope)),
        "staff" => texts(staff.iter().cloned()),
        "stage" => {
            table(stages.iter().map(|HeldStage { journey, stage, .. }| (journey, stage.as_str().into())))
        }
        "stage_days" => table(stages.iter().map(|held| (&held.journey, Value::Float(since(held.since))))),
        "tag_days" => table(tags.iter().map(|tag| (&tag.name, Value::Float(since(tag.since))))),
        "tag_days_left" => table(tags.iter().filter_map(|HeldTag { name, expires, .. }| {
            Some((name, Value::Float(days_between(now, (*expires)?))))
        })),
        "tags" => texts(tags.iter().map(|tag| tag.name.clone())),
        "trait" => table(traits.iter().map(|HeldTrait { name, value, .. }| (name, of_trait(value)))),
        "trait_days" => table(traits.iter().filter_map(|held| match &held.value {
            model::Value::Time(time) => Some((&held.name, Value::Float(since(*time)))),
            model::Value::Text(_) | model::Value::Number(_) | model::Value::Truth(_) => None,
        })),
        _ => return None,
    })
}

fn channels(customer: &Customer) -> BTreeSet<&str> {
    customer.handles.iter().filter_map(|handle| handle.identity.channel()).collect()
}

fn counts(customer: &Customer) -> HashMap<String, Value> {
    let Customer { timeline, handles, intents, merged, staff, tags, tasks, alarms, .. } = customer;
    let counts = [
        ("alarms", alarms.len()),
        ("events", timeline.len()),
        ("handles", handles.len()),
        ("intents", intents.len()),
        ("merged", merged.len()),
        ("staff", staff.len()),
        ("tags", tags.len()),
        ("tasks", tasks.len()),
    ];
    counts.into_iter().map(|(name, count)| (name.to_owned(), Value::Float(count as f64))).collect()
}

fn days(customer: &Customer, now: Instant) -> HashMap<String, Value> {
    let Latest { event, message, purchase } = customer.latest;
    let times = [
        ("first_seen", Some(customer.first_seen)),
        ("last_event", event),
        ("last_message", message),
        ("last_purchase", purchase),
    ];
    let known = times.into_iter().filter_map(|(name, time)| Some((name, time?)));
    known.map(|(name, time)| (name.to_owned(), Value::Float(days_between(time, now)))).collect()
}

/// Negative where `later` is earlier: a channel's clock may be ahead of ours.
fn days_between(earlier: Instant, later: Instant) -> f64 {
    (later as f64 - earlier as f64) / DAY_MS
}

fn scheme(handle: &Handle) -> String {
    handle.identity.scheme.clone()
}

fn scope(handle: &Handle) -> Option<String> {
    let Identity { scheme, scope, value: _ } = &handle.identity;
    (!scope.is_empty()).then(|| format!("{scheme}:{scope}"))
}

fn of_trait(value: &model::Value) -> Value {
    match value {
        model::Value::Text(text) => text.as_str().into(),
        model::Value::Number(number) => Value::Float(*number),
        model::Value::Truth(truth) => Value::Bool(*truth),
        model::Value::Time(time) => iso(*time).into(),
    }
}

/// `2026-03-01T00:00:00.000Z`, whose order is that of time up to the year 9999. Beyond what a calendar has, the
/// milliseconds themselves.
fn iso(time: Instant) -> String {
    let date = i64::try_from(time).ok().and_then(DateTime::from_timestamp_millis);
    date.map_or_else(|| time.to_string(), |date| date.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Each once, by name.
fn texts(texts: impl Iterator<Item = String>) -> Value {
    texts.collect::<BTreeSet<String>>().into_iter().collect::<Vec<String>>().into()
}

fn table<'a>(entries: impl Iterator<Item = (&'a String, Value)>) -> Value {
    entries.map(|(name, value)| (name.clone(), value)).collect::<HashMap<String, Value>>().into()
}
