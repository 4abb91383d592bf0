//! What passes between the host and a connector, as model's values.

use super::{about_connector as about, chores, events, faults, feed, outlet, webhook};

impl From<about::Descriptor> for model::ConnectorDescriptor {
    fn from(descriptor: about::Descriptor) -> Self {
        let about::Descriptor { channel, title, settings_schema, schemes, abilities, hosts } = descriptor;
        model::ConnectorDescriptor {
            channel,
            title,
            settings_schema,
            schemes: schemes.into_iter().map(Into::into).collect(),
            abilities: abilities.into_iter().map(Into::into).collect(),
            hosts,
        }
    }
}

impl From<about::Scheme> for model::Scheme {
    fn from(scheme: about::Scheme) -> Self {
        let about::Scheme { name, lasting, one_per_person } = scheme;
        model::Scheme { name, lasting, one_per_person }
    }
}

impl From<about::Ability> for model::Ability {
    fn from(ability: about::Ability) -> Self {
        let about::Ability { scene, carriage } = ability;
        let carriage = match carriage {
            about::Carriage::Sends => model::Carriage::Sends,
            about::Carriage::AsksStaff => model::Carriage::AsksStaff,
        };
        model::Ability { scene, carriage }
    }
}

impl From<faults::Fault> for model::Fault {
    fn from(fault: faults::Fault) -> Self {
        match fault {
            faults::Fault::Misconfigured(why) => model::Fault::Misconfigured(why),
            faults::Fault::Malformed(why) => model::Fault::Malformed(why),
            faults::Fault::Later(faults::Pause { why, retry_after_ms }) => {
                model::Fault::Later { why, retry_after_ms }
            }
            faults::Fault::Unauthorised(why) => model::Fault::Unauthorised(why),
        }
    }
}

impl From<chores::Chore> for model::Chore {
    fn from(chore: chores::Chore) -> Self {
        let chores::Chore { key, due, job } = chore;
        model::Chore { key, due, job }
    }
}

impl From<model::Chore> for chores::Chore {
    fn from(chore: model::Chore) -> Self {
        let model::Chore { key, due, job } = chore;
        chores::Chore { key, due, job }
    }
}

impl From<chores::Harvest> for model::Harvest {
    fn from(harvest: chores::Harvest) -> Self {
        let chores::Harvest { events, chores } = harvest;
        model::Harvest {
            events: events.into_iter().map(Into::into).collect(),
            chores: chores.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<model::Request> for webhook::Request {
    fn from(request: model::Request) -> Self {
        let model::Request { method, path, query, headers, body } = request;
        webhook::Request { method, path, query, headers, body }
    }
}

impl From<webhook::Response> for model::Answer {
    fn from(response: webhook::Response) -> Self {
        let webhook::Response { status, headers, body } = response;
        model::Answer { status, headers, body }
    }
}

impl From<webhook::Reception> for model::Reception {
    fn from(reception: webhook::Reception) -> Self {
        let webhook::Reception { kept, answer } = reception;
        model::Reception { kept: kept.into(), answer: answer.into() }
    }
}

impl From<webhook::Refusal> for model::Refusal {
    fn from(refusal: webhook::Refusal) -> Self {
        match refusal {
            webhook::Refusal::NotAuthentic(why) => model::Refusal::NotAuthentic(why),
            webhook::Refusal::Malformed(webhook::Complaint { why, answer }) => {
                model::Refusal::Malformed { why, answer: answer.into() }
            }
        }
    }
}

impl From<feed::Page> for model::Page {
    fn from(page: feed::Page) -> Self {
        let feed::Page { kept, cursor, more } = page;
        model::Page { kept: kept.into(), cursor, more }
    }
}

impl From<model::Errand> for outlet::Errand {
    fn from(errand: model::Errand) -> Self {
        let model::Errand { id, scene, to, staff, text, content, detail, not_after } = errand;
        outlet::Errand {
            id,
            scene,
            to: to.into_iter().map(Into::into).collect(),
            staff,
            text,
            content: content.map(Into::into),
            detail,
            not_after,
        }
    }
}

impl From<model::Identity> for events::Identity {
    fn from(identity: model::Identity) -> Self {
        let model::Identity { scheme, scope, value } = identity;
        events::Identity { scheme, scope, value }
    }
}

impl From<model::Content> for events::Content {
    fn from(content: model::Content) -> Self {
        let model::Content { id, kind, title, category } = content;
        events::Content { id, kind, title, category }
    }
}

impl From<outlet::Outcome> for model::Outcome {
    fn from(outcome: outlet::Outcome) -> Self {
        match outcome {
            outlet::Outcome::Sent(id) => model::Outcome::Sent(id),
            outlet::Outcome::AwaitingStaff(id) => model::Outcome::AwaitingStaff(id),
            outlet::Outcome::Failed(fault) => model::Outcome::Failed(fault.into()),
        }
    }
}

impl From<outlet::Delivery> for model::Delivery {
    fn from(delivery: outlet::Delivery) -> Self {
        let outlet::Delivery { outcomes, chores } = delivery;
        model::Delivery {
            outcomes: outcomes.into_iter().map(Into::into).collect(),
            chores: chores.into_iter().map(Into::into).collect(),
        }
    }
}
