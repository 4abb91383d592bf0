//! A connection that carries: what it can play, and at which handles it reaches a customer.

use courier::{Account, Address, Tally};
use model::{ConnectorDescriptor, Identity, Instant, name_matches};
use serde_json::Value;

/// One connection with an outlet, as far as carrying is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outlet {
    pub(crate) connection: String,
    /// From the configuration: scenes of which an errand may be handed over again although its end is not known.
    carry_again: Vec<String>,
    /// When the account began to work, where the configuration says so.
    pub(crate) since: Option<Instant>,
    descriptor: ConnectorDescriptor,
    /// The texts and numbers of its settings: a handle's scope is one of them, where it is this account's own.
    scopes: Vec<String>,
}

impl Outlet {
    pub(crate) fn new(
        connection: &str,
        descriptor: &ConnectorDescriptor,
        settings: &str,
        secrets: &[String],
        carry_again: &[String],
        since: Option<Instant>,
    ) -> Outlet {
        let mut scopes = Vec::new();
        if let Ok(Value::Object(settings)) = serde_json::from_str(settings) {
            scopes.extend(settings.values().filter_map(|value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
            }));
        }
        // No handle's scope, and nothing to keep where it might be printed.
        scopes.retain(|scope| !secrets.contains(scope));
        let (connection, carry_again) = (connection.to_owned(), carry_again.to_vec());
        Outlet { connection, carry_again, since, descriptor: descriptor.clone(), scopes }
    }

    pub(crate) fn channel(&self) -> &str {
        &self.descriptor.channel
    }

    /// May an errand of this scene be handed over twice without reaching her twice?
    pub(crate) fn carries_again(&self, scene: &str) -> bool {
        self.carry_again.iter().any(|pattern| name_matches(pattern, scene))
    }

    /// Her handles in this channel, in the order in which they were shown.
    pub(crate) fn addressed<'a>(&self, handles: impl Iterator<Item = &'a Identity>) -> Vec<Identity> {
        let ours = |handle: &&Identity| {
            let scheme = self.descriptor.schemes.iter().any(|scheme| scheme.name == handle.scheme);
            scheme && (handle.scope.is_empty() || !self.names_scopes() || self.scopes.contains(&handle.scope))
        };
        handles.filter(ours).cloned().collect()
    }

    /// Its account among these. Where two connections speak for one channel, each reaches the handles of its own scope.
    pub(crate) fn account(&self, all: &[Outlet]) -> Account {
        let alone = all.iter().filter(|other| other.channel() == self.channel()).count() <= 1;
        let address = |scheme: &str, scope: Option<&String>| Address {
            scheme: scheme.to_owned(),
            scope: scope.cloned(),
        };
        let schemes = self.own_schemes(all);
        let addresses = if alone {
            schemes.iter().map(|scheme| address(scheme, None)).collect()
        } else {
            let scoped = |&scheme| self.scopes.iter().map(move |scope| address(scheme, Some(scope)));
            schemes.iter().flat_map(scoped).collect()
        };
        Account {
            connection: self.connection.clone(),
            channel: self.channel().to_owned(),
            abilities: self.descriptor.abilities.clone(),
            addresses,
            strangers: self.descriptor.schemes.iter().map(|scheme| address(&scheme.name, None)).collect(),
            since: self.since,
            sent_today: Tally::default(),
            staff: Vec::new(),
        }
    }

    /// The schemes by which it addresses people: those that bear its channel's name, else those that no other channel
    /// declares, else all that it declares. A phone number that a shop showed does not make her WeCom's.
    fn own_schemes<'a>(&'a self, all: &[Outlet]) -> Vec<&'a str> {
        let declared: Vec<&str> = self.descriptor.schemes.iter().map(|scheme| scheme.name.as_str()).collect();
        let named = |name: &&str| name.strip_prefix(self.channel()).is_some_and(|rest| rest.starts_with('.'));
        let of_others = |name: &str| {
            let others = all.iter().filter(|other| other.channel() != self.channel());
            others.flat_map(|other| &other.descriptor.schemes).any(|scheme| scheme.name == name)
        };
        let own: Vec<&str> = declared.iter().copied().filter(named).collect();
        if !own.is_empty() {
            return own;
        }
        let alone: Vec<&str> = declared.iter().copied().filter(|name| !of_others(name)).collect();
        if alone.is_empty() { declared } else { alone }
    }

    fn names_scopes(&self) -> bool {
        !self.scopes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use model::{Ability, Carriage, Scheme};

    use super::*;

    fn outlet(connection: &str, channel: &str, schemes: &[&str], settings: &str) -> Outlet {
        let scheme = |&name: &&str| Scheme { name: name.to_owned(), lasting: true, one_per_person: false };
        let descriptor = ConnectorDescriptor {
            channel: channel.to_owned(),
            title: String::new(),
            settings_schema: "{}".to_owned(),
            schemes: schemes.iter().map(scheme).collect(),
            abilities: vec![Ability { scene: "tag".to_owned(), carriage: Carriage::Sends }],
            hosts: Vec::new(),
        };
        let (secrets, again) = (["s3cr3t".to_owned()], ["welcome".to_owned(), "tag*".to_owned()]);
        Outlet::new(connection, &descriptor, settings, &secrets, &again, None)
    }

    fn schemes(account: &Account) -> Vec<(&str, Option<&str>)> {
        account.addresses.iter().map(|one| (one.scheme.as_str(), one.scope.as_deref())).collect()
    }

    #[test]
    fn a_channel_reaches_people_by_its_own_handles() {
        let wecom = outlet("wecom", "wecom", &["wecom.external-userid", "phone"], "{}");
        let tmall = outlet("tmall", "tmall", &["taobao.open-uid", "phone"], "{}");
        let sms = outlet("sms", "sms", &["phone"], "{}");
        let all = [wecom.clone(), tmall.clone(), sms.clone()];
        assert_eq!(schemes(&wecom.account(&all)), [("wecom.external-userid", None)]);
        assert_eq!(schemes(&tmall.account(&all)), [("taobao.open-uid", None)]);
        assert_eq!(schemes(&sms.account(&all)), [("phone", None)]);
    }

    #[test]
    fn two_accounts_of_a_channel_reach_the_handles_of_their_own_scope() {
        let one = outlet("one", "wecom", &["wecom.external-userid"], r#"{"corp_id": "ww1"}"#);
        let two = outlet("two", "wecom", &["wecom.external-userid"], r#"{"corp_id": "ww2"}"#);
        let all = [one.clone(), two.clone()];
        assert_eq!(schemes(&two.account(&all)), [("wecom.external-userid", Some("ww2"))]);
        let handle = |scope: &str| Identity {
            scheme: "wecom.external-userid".to_owned(),
            scope: scope.to_owned(),
            value: "wm1".to_owned(),
        };
        let (hers, others) = (handle("ww1"), handle("ww2"));
        assert_eq!(one.addressed([&hers, &others].into_iter()), [hers]);
    }

    #[test]
    fn a_secret_of_the_settings_is_not_kept() {
        let wecom = outlet("wecom", "wecom", &[], r#"{"corp_id": "ww1", "secret": "s3cr3t"}"#);
        let shown = format!("{wecom:?}");
        assert!(shown.contains("ww1") && !shown.contains("s3cr3t"), "{shown}");
    }

    #[test]
    fn what_may_be_carried_again_is_said_scene_by_scene() {
        let wecom = outlet("wecom", "wecom", &[], "{}");
        assert!(wecom.carries_again("welcome") && wecom.carries_again("tag"));
        assert!(!wecom.carries_again("direct-message"));
    }
}
