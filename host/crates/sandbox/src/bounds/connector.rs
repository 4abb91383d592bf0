//! A connector's descriptor and answers.

use model::{
    Ability, Answer, Chore, ConnectorDescriptor, Delivery, Event, Fact, Harvest, Identity, Outcome, Page,
    Scheme,
};

use super::{Bounds, OutOfBounds, show};
use crate::http::HostGrant;

impl Bounds<'_> {
    pub(crate) fn connector_descriptor(&self, descriptor: &ConnectorDescriptor) -> Result<(), OutOfBounds> {
        let ConnectorDescriptor { channel, title, settings_schema, schemes, abilities, hosts } = descriptor;
        self.label("channel", channel)?;
        if !channel.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(OutOfBounds::because(format!(
                "channel \"{}\" has other characters than a-z, 0-9 and -",
                show(channel)
            )));
        }
        self.label("title", title)?;
        self.schema(settings_schema)?;
        self.list("schemes", schemes.len())?;
        for (at, Scheme { name, lasting: _, one_per_person: _ }) in schemes.iter().enumerate() {
            self.label("a scheme's name", name)?;
            if schemes[..at].iter().any(|other| other.name == *name) {
                return Err(OutOfBounds::because(format!("scheme \"{}\" is declared twice", show(name))));
            }
        }
        self.list("abilities", abilities.len())?;
        for Ability { scene, carriage: _ } in abilities {
            self.label("an ability's scene", scene)?;
        }
        self.list("hosts", hosts.len())?;
        hosts.iter().try_for_each(|host| match HostGrant::parse(host, false) {
            Ok(_) => Ok(()),
            Err(error) => Err(OutOfBounds::because(error.to_string())),
        })
    }

    pub(crate) fn harvest(&self, harvest: &Harvest, schemes: &[Scheme]) -> Result<(), OutOfBounds> {
        let Harvest { events, chores } = harvest;
        self.count("events", events.len(), "harvest_events", self.limits.harvest_events)?;
        for event in events {
            self.event(event)?;
            declared(event, schemes)?;
        }
        self.chores(chores)
    }

    fn chores(&self, chores: &[Chore]) -> Result<(), OutOfBounds> {
        self.count("chores", chores.len(), "harvest_chores", self.limits.harvest_chores)?;
        chores.iter().try_for_each(|chore| {
            let Chore { key, due: _, job } = chore;
            self.label("a chore's key", key)?;
            self.json("a chore's job", job)
        })
    }

    /// What was made of so many errands.
    pub(crate) fn delivery(&self, delivery: &Delivery, errands: usize) -> Result<(), OutOfBounds> {
        let Delivery { outcomes, chores } = delivery;
        if outcomes.len() != errands {
            return Err(OutOfBounds::because(format!(
                "{} outcomes for {errands} errands: give one for each, in their order",
                outcomes.len()
            )));
        }
        outcomes.iter().try_for_each(|outcome| match outcome {
            Outcome::Sent(id) | Outcome::AwaitingStaff(id) => {
                id.as_ref().map_or(Ok(()), |id| self.label("the channel's id of an errand", id))
            }
            Outcome::Failed(_) => Ok(()),
        })?;
        self.chores(chores)
    }

    pub(crate) fn page(&self, page: &Page, schemes: &[Scheme]) -> Result<(), OutOfBounds> {
        let Page { kept, cursor, more: _ } = page;
        self.harvest(kept, schemes)?;
        self.json("cursor", cursor)
    }

    pub(crate) fn answer(&self, answer: &Answer) -> Result<(), OutOfBounds> {
        let Answer { status, headers, body } = answer;
        if !(200..=599).contains(status) {
            return Err(OutOfBounds::because(format!("answer's status {status} is not within 200 and 599")));
        }
        if body.len() > self.limits.answer_body_bytes {
            let limit = self.limits.answer_body_bytes;
            return Err(OutOfBounds::past(
                "answer_body_bytes",
                format!("answer's body has {} bytes, limit answer_body_bytes is {limit}", body.len()),
            ));
        }
        let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > self.limits.answer_header_bytes {
            let limit = self.limits.answer_header_bytes;
            return Err(OutOfBounds::past(
                "answer_header_bytes",
                format!("answer's headers have {bytes} bytes, limit answer_header_bytes is {limit}"),
            ));
        }
        headers.iter().try_for_each(|(name, value)| header(name, value))
    }
}

/// The answer is written to a socket: a line break in a header would begin another.
fn header(name: &str, value: &str) -> Result<(), OutOfBounds> {
    use reqwest::header::{HeaderName, HeaderValue};
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(OutOfBounds::because(format!("\"{}\" is not a header's name", show(name))));
    }
    if HeaderValue::from_str(value).is_err() {
        return Err(OutOfBounds::because(format!("the value of header \"{name}\" has control characters")));
    }
    Ok(())
}

/// The host knows how to treat a handle from the descriptor alone: an undeclared kind would merge people blindly.
fn declared(event: &Event, schemes: &[Scheme]) -> Result<(), OutOfBounds> {
    let whom = match &event.fact {
        Fact::Did(act) => act.whom.as_ref(),
        Fact::Said(_) | Fact::Saw(_) | Fact::Bought(_) => None,
        Fact::Met(_) | Fact::Told(_) | Fact::Carried(_) => None,
    };
    let known = |identity: &&Identity| !schemes.iter().any(|scheme| scheme.name == identity.scheme);
    match event.who.iter().chain(whom).find(known) {
        None => Ok(()),
        Some(identity) => Err(OutOfBounds::because(format!(
            "event \"{}\": scheme \"{}\" is not among the schemes that its descriptor declares: add it there",
            show(&event.id),
            show(&identity.scheme)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn descriptor() -> ConnectorDescriptor {
        ConnectorDescriptor {
            channel: "wecom".to_owned(),
            title: "WeCom".to_owned(),
            settings_schema: "{}".to_owned(),
            schemes: vec![Scheme { name: "phone".to_owned(), lasting: true, one_per_person: false }],
            abilities: Vec::new(),
            hosts: vec!["https://qyapi.weixin.qq.com".to_owned()],
        }
    }

    fn refused(change: impl FnOnce(&mut ConnectorDescriptor)) -> bool {
        let mut descriptor = descriptor();
        change(&mut descriptor);
        Bounds::new(&Limits::default()).connector_descriptor(&descriptor).is_err()
    }

    #[test]
    fn a_descriptor_must_make_sense() {
        assert!(!refused(|_| ()));
        assert!(refused(|d| d.channel.clear()));
        assert!(refused(|d| d.channel = "We Com".to_owned()));
        assert!(refused(|d| d.settings_schema = "[]".to_owned()));
        assert!(refused(|d| d.settings_schema = "{".to_owned()));
        assert!(refused(|d| d.schemes.push(d.schemes[0].clone())));
        assert!(refused(|d| d.schemes[0].name.clear()));
        assert!(refused(|d| d.hosts.push("qyapi.weixin.qq.com".to_owned())));
    }

    #[test]
    fn a_delivery_has_an_outcome_for_each_errand_and_ids_of_one_line() {
        let limits = Limits { harvest_chores: 1, ..Limits::default() };
        let bounds = Bounds::new(&limits);
        let delivery = |ids: &[Option<&str>], keys: &[&str]| Delivery {
            outcomes: ids.iter().map(|id| Outcome::Sent(id.map(str::to_owned))).collect(),
            chores: keys
                .iter()
                .map(|&key| Chore { key: key.to_owned(), due: None, job: "{}".to_owned() })
                .collect(),
        };
        assert_eq!(bounds.delivery(&delivery(&[None, Some("msg-1")], &["k"]), 2), Ok(()));
        assert_eq!(bounds.delivery(&delivery(&[], &[]), 0), Ok(()));
        for outcomes in [0, 1, 3] {
            assert!(bounds.delivery(&delivery(&[None, None], &[]), outcomes).is_err(), "{outcomes}");
        }
        assert!(bounds.delivery(&delivery(&[Some("msg\n1")], &[]), 1).is_err());
        assert!(bounds.delivery(&delivery(&[Some("")], &[]), 1).is_err());
        assert!(bounds.delivery(&delivery(&[None], &[""]), 1).is_err());
        assert!(bounds.delivery(&delivery(&[None], &["a", "b"]), 1).is_err());
    }

    #[test]
    fn an_answer_cannot_smuggle_a_header() {
        let limits = Limits::default();
        let answer = |status, value: &str| Answer {
            status,
            headers: vec![("x".to_owned(), value.to_owned())],
            body: Vec::new(),
        };
        let bounds = Bounds::new(&limits);
        assert_eq!(bounds.answer(&answer(200, "a")), Ok(()));
        assert!(bounds.answer(&answer(200, "a\r\nset-cookie: b")).is_err());
        assert!(bounds.answer(&answer(101, "a")).is_err());
        assert!(bounds.answer(&answer(600, "a")).is_err());
    }
}
