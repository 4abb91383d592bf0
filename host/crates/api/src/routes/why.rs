//! `GET /api/v1/customers/{id}/why`: why something of her is so, back to the raw fact, and what the turn that decided cost.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use model::Customer;

use super::customers::path_id;
use crate::error::ApiError;
use crate::past::{At, Past, PastError, Person, Present, Whom};
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::rereading::{self, Answerer};
use crate::views::{AtView, HeldKind, WhyView};
use crate::why::{Again, Subject, Thing, Whose};

const THINGS: [(&str, HeldKind); 6] = [
    ("tag", HeldKind::Tag),
    ("stage", HeldKind::Stage),
    ("trait", HeldKind::Trait),
    ("intent", HeldKind::Intent),
    ("task", HeldKind::Task),
    ("alarm", HeldKind::Alarm),
];

/// One of `tag=NAME`, `stage=JOURNEY`, `trait=NAME`, `intent=KEY`, `task=TITLE`, `alarm=KEY`.
pub(crate) async fn show(
    State(shared): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let known = ["tag", "stage", "trait", "intent", "task", "alarm", "at"];
    let query = Query::parse(query.as_deref(), &known)?;
    let (whom, at, thing) = (Whom::Id(path_id(id)?), rereading::at(&query)?, thing(&query)?);
    rereading::again(&shared, move |past, _| match at {
        Some(at) => then(past, &whom, at, &thing),
        None => now(past, &whom, &thing),
    })
    .await
}

fn thing(query: &Query) -> Result<Thing, ApiError> {
    let mut things = THINGS
        .iter()
        .filter_map(|(name, kind)| query.text(name).map(|name| Thing { kind: *kind, name: name.to_owned() }));
    match (things.next(), things.next()) {
        (Some(thing), None) => Ok(thing),
        _ => {
            Err(ApiError::bad_request("ask for one of `tag`, `stage`, `trait`, `intent`, `task` and `alarm`"))
        }
    }
}

/// What is so stands in the store; her records are folded again only for what a policy decided.
fn now(past: &Past, whom: &Whom, thing: &Thing) -> Result<JsonText, ApiError> {
    let customer = whom.find(&*past.store)?;
    let customer = customer.ok_or_else(|| ApiError::not_found("there is no customer with this id"))?;
    let (standing, state) = past.store.standing()?;
    let again = |whose| match whose {
        Whose::Hers => {
            let Present { customer, standing: _, slice } = past.present(whom)?;
            Ok(Again::with(past, customer.id, slice))
        }
        Whose::Of(position) => Again::of(past, position),
    };
    let subject = Subject { customer: &customer, state: &state, standing };
    answer(past, subject, thing, &again, Answerer(None))
}

fn then(past: &Past, whom: &Whom, at: At, thing: &Thing) -> Result<JsonText, ApiError> {
    let person = past.person(whom, at)?;
    let Person { customer, store: _, state, standing, slice, agrees } = &person;
    let again = |whose| match whose {
        Whose::Hers => Ok(Again::with(past, customer.id, Arc::clone(slice))),
        Whose::Of(position) => Again::of(past, position),
    };
    let subject = Subject { customer, state, standing: *standing };
    let at = AtView::new(*standing, Some(*agrees));
    answer(past, subject, thing, &again, Answerer(Some(at)))
}

fn answer(
    past: &Past,
    subject: Subject<'_>,
    thing: &Thing,
    again: &dyn Fn(Whose) -> Result<Again, PastError>,
    answerer: Answerer,
) -> Result<JsonText, ApiError> {
    let customer: &Customer = subject.customer;
    let answers = subject.why(thing, &*past.journal, again)?;
    if answers.is_empty() {
        return Err(ApiError::not_found(format!("{} has nothing of this kind and name", customer.id)));
    }
    answerer.text(&WhyView::new(customer, subject.state, &answers))
}
