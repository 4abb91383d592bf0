//! What the configuration has, and the acts that say so in the journal: an auditor finds there when who let whom do what, who
//! decides, and when what else was changed by whom.

use config::{Change, Written};
use heliu::wiring::digest;
use model::{Configure, Configured, Deed, Digest, Entry, Grant, OperatorAct, Position, Section, Setup};

use super::connection::Connection;

/// What the journal is to say of the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) setup: Setup,
    /// By the connection's name.
    pub(crate) grants: Vec<Grant>,
    /// What stands in it besides.
    pub(crate) sections: Vec<Configure>,
    /// Who changed the configuration last, and why.
    pub(crate) change: Change,
}

/// What the journal was told of the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) grants: &'a [Grant],
    pub(crate) sections: &'a [Section],
    /// Where the fold stands, which each act moves: so no two have one id.
    pub(crate) stands: Position,
}

/// The reason of who gives none.
const WHY: &str = "as the configuration has it";

/// The reason where the file says of a change what it said of the one before: who made that is not who made this.
const NOT_RENEWED: &str = "something changed, and [change] was not renewed";

/// The reason where an older host told nothing of it.
const UNTOLD: &str = "as the configuration has it; no host told of it before";

/// Letters of a section that the journal is told.
const TEXT_MAX: usize = 4000;

/// All that this connection may do.
pub(crate) fn of(wanted: &config::Connection, connection: &Connection) -> Grant {
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names.dedup();
        names
    };
    let schemes = connection.connector.descriptor().schemes.iter().map(|scheme| scheme.name.clone());
    Grant {
        connection: wanted.name.clone(),
        plugin: Some(connection.connector.digest()),
        hosts: sorted(wanted.hosts.clone()),
        inward: wanted.inward,
        schemes: sorted(schemes.collect()),
        shares: sorted(wanted.shares.clone()),
        carry_again: sorted(wanted.carry_again.clone()),
    }
}

/// What stands in the configuration, but for what setups and grants say.
pub(crate) fn sections(config: &config::Config) -> Vec<Configure> {
    let open = config.written.iter().map(|Written { name, text }| {
        let is_cut = text.chars().count() > TEXT_MAX;
        let told = text.chars().take(TEXT_MAX).chain(is_cut.then_some('…')).collect();
        // It is who says something, and stands beside what she says it of.
        let told = (name != config::CHANGE).then_some(told);
        Configure { section: name.clone(), digest: Some(digest(text.as_bytes())), text: told }
    });
    open.chain(config.connections.iter().map(settings)).collect()
}

/// Secrets stand in the settings of a connection, and whoever reads the journal must not be able to try some out: of all of
/// them no more than two bytes of a digest get there. So one change in 65 536 is told of nobody.
fn settings(connection: &config::Connection) -> Configure {
    let config::Connection {
        name,
        // A grant says these.
        plugin: _,
        hosts: _,
        inward: _,
        shares: _,
        carry_again: _,
        poll_every,
        calls_max,
        since,
        // With the secrets in their places.
        settings,
        secrets: _,
    } = connection;
    let Digest(whole) = digest(format!("{name} {settings}").as_bytes());
    let open = (poll_every.as_millis(), calls_max, since);
    let text = format!("{open:?} {:02x}{:02x}", whole[0], whole[1]);
    Configure { section: format!("connection {name}"), digest: Some(digest(text.as_bytes())), text: None }
}

/// The records that lead from what the journal was told to what is wanted. `setup` is the wanted one, with the pauses in it.
pub(crate) fn records(told: Told<'_>, setup: Setup, wanted: &Wanted) -> Vec<Entry> {
    let said = said(told, wanted);
    let mut records = Vec::new();
    if *told.setup != setup {
        tracing::info!(policies = setup.policies.len(), "the configuration takes over");
        records.push(self::setup(told.setup, setup, &said));
    }
    let grants = grants(told, wanted);
    if !grants.is_empty() {
        tracing::info!(connections = grants.len(), "connections may do something else than before");
    }
    let sections = changed(told, wanted);
    let stands = told.stands;
    let act = |kind: &str, of: &str, said: &Said, deed: Deed| {
        let Said { by, why } = said.clone();
        Entry::Act(OperatorAct { id: format!("{kind}/{stands}/{of}"), by, why, deed })
    };
    records.extend(
        grants.into_iter().map(|grant| act("grant", &grant.connection.clone(), &said, Deed::Grant(grant))),
    );
    // A journal of an older host says nothing of them, and who changed them last did not do it now.
    let is_first = told.sections.is_empty() && told.stands > 0;
    let said = if is_first { Said { by: nobody(), why: UNTOLD.to_owned() } } else { said };
    records.extend(
        sections
            .into_iter()
            .map(|section| act("configure", &section.section.clone(), &said, Deed::Configure(section))),
    );
    records
}

/// The connections that may do something else.
fn grants(told: Told<'_>, wanted: &Wanted) -> Vec<Grant> {
    let grants = &wanted.grants;
    let changed = grants.iter().filter(|grant| !told.grants.contains(grant)).cloned();
    let is_gone = |held: &&Grant| !grants.iter().any(|grant| grant.connection == held.connection);
    let gone = told.grants.iter().filter(is_gone).map(|held| Grant {
        plugin: None,
        hosts: Vec::new(),
        inward: false,
        schemes: Vec::new(),
        shares: Vec::new(),
        carry_again: Vec::new(),
        ..held.clone()
    });
    changed.chain(gone).collect()
}

/// The sections that are others.
fn changed(told: Told<'_>, wanted: &Wanted) -> Vec<Configure> {
    let sections = &wanted.sections;
    let is_told = |wanted: &&Configure| {
        told.sections.iter().any(|held| held.name == wanted.section && Some(held.digest) == wanted.digest)
    };
    let changed = sections.iter().filter(|wanted| !is_told(wanted)).cloned();
    let is_gone = |held: &&Section| !sections.iter().any(|wanted| wanted.section == held.name);
    let gone = told.sections.iter().filter(is_gone);
    let gone = gone.map(|held| Configure { section: held.name.clone(), digest: None, text: None });
    changed.chain(gone).collect()
}

/// The record of a setup that differs from the present one: by whom and why, unless it is the host alone that pauses a policy, or
/// lets it decide again.
fn setup(present: &Setup, wanted: Setup, said: &Said) -> Entry {
    let unpaused = |setup: &Setup| {
        let mut setup = setup.clone();
        setup.policies.iter_mut().for_each(|binding| binding.paused = None);
        setup
    };
    if unpaused(present) == unpaused(&wanted) {
        return Entry::Setup(wanted);
    }
    let Said { by, why } = said.clone();
    Entry::Configured(Configured { setup: wanted, by, why })
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    by: String,
    why: String,
}

fn nobody() -> String {
    api::Caller::of_config().said_by(None)
}

/// Who changed the configuration, and why: what `[change]` says, unless it said the same of the last change.
fn said(told: Told<'_>, wanted: &Wanted) -> Said {
    let Wanted { setup: _, grants: _, sections, change: Change { by, why } } = wanted;
    let renewed = sections.iter().find(|section| section.section == config::CHANGE).is_none_or(|change| {
        !told.sections.iter().any(|held| held.name == config::CHANGE && Some(held.digest) == change.digest)
    });
    if !renewed {
        return Said { by: nobody(), why: NOT_RENEWED.to_owned() };
    }
    let by = api::Caller::of_config().said_by(by.as_deref());
    Said { by, why: why.clone().unwrap_or_else(|| WHY.to_owned()) }
}

#[cfg(test)]
mod tests {
    use model::{Binding, Digest, Pause, PolicyDescriptor};

    use super::*;

    fn grant(connection: &str, host: &str) -> Grant {
        Grant {
            connection: connection.to_owned(),
            plugin: Some(Digest([1; 32])),
            hosts: vec![host.to_owned()],
            inward: false,
            schemes: vec!["phone".to_owned()],
            shares: Vec::new(),
            carry_again: Vec::new(),
        }
    }

    #[test]
    fn a_setup_says_who_and_why_unless_it_is_a_pause_of_the_hosts_own() {
        let bound = |settings: &str, paused| Setup {
            policies: vec![Binding {
                name: "tags".to_owned(),
                digest: Digest([1; 32]),
                settings: settings.to_owned(),
                descriptor: PolicyDescriptor {
                    title: String::new(),
                    settings_schema: "{}".to_owned(),
                    wants: Vec::new(),
                    tags: Vec::new(),
                    journeys: Vec::new(),
                    reads: Vec::new(),
                },
                carry: false,
                paused,
            }],
            ..Setup::default()
        };
        let pause = Some(Pause { behind: 3, fired: 9, broke_off: None });
        let (paused, again) = (bound("{}", pause), bound("{}", None));
        let one = |present: &Setup, setup: Setup, change: Change| {
            let mut told = records(untold(present), setup, &Wanted { change, ..Wanted::default() });
            assert_eq!(told.len(), 1);
            told.remove(0)
        };
        assert_eq!(one(&paused, again.clone(), li("stricter")), Entry::Setup(again.clone()));
        let stricter = bound("[]", None);
        let (by, why) = ("config/li".to_owned(), "stricter".to_owned());
        let told = Entry::Configured(Configured { setup: stricter.clone(), by, why });
        assert_eq!(one(&paused, stricter, li("stricter")), told, "also where a pause ends by it");
        let (by, why) = ("config".to_owned(), WHY.to_owned());
        let told = Entry::Configured(Configured { setup: again.clone(), by, why });
        assert_eq!(one(&Setup::default(), again, Change::default()), told);
    }

    fn untold(setup: &Setup) -> Told<'_> {
        Told { setup, grants: &[], sections: &[], stands: 7 }
    }

    fn li(why: &str) -> Change {
        Change { by: Some("li".to_owned()), why: Some(why.to_owned()) }
    }

    fn section(name: &str, text: &str) -> Configure {
        Configure {
            section: name.to_owned(),
            digest: Some(digest(text.as_bytes())),
            text: Some(text.to_owned()),
        }
    }

    /// What a fold keeps of them.
    fn held(sections: &[Configure]) -> Vec<Section> {
        let held =
            |section: &Configure| Some(Section { name: section.section.clone(), digest: section.digest? });
        sections.iter().filter_map(held).collect()
    }

    fn acts(told: Told<'_>, wanted: &Wanted) -> Vec<(String, String, String)> {
        let act = |entry| match entry {
            Entry::Act(OperatorAct { id, by, why, deed: _ }) => (id, by, why),
            other => panic!("{other:?}"),
        };
        records(told, Setup::default(), wanted).into_iter().map(act).collect()
    }

    #[test]
    fn what_changes_is_told_and_what_stays_is_not() {
        let present = [grant("gone", "https://a"), grant("moved", "https://a"), grant("same", "https://a")];
        let grants = vec![grant("moved", "https://b"), grant("new", "https://c"), grant("same", "https://a")];
        let before = held(&[section("gone", "{}"), section("courier", "1"), section("limits", "1")]);
        let sections = vec![section("courier", "2"), section("limits", "1"), section("log", "1")];
        let wanted = Wanted { grants, sections, change: li("the shop moved"), ..Wanted::default() };
        let setup = Setup::default();
        let told = Told { setup: &setup, grants: &present, sections: &before, stands: 7 };
        let one = |id: &str| (id.to_owned(), "config/li".to_owned(), "the shop moved".to_owned());
        let expected =
            ["grant/7/moved", "grant/7/new", "grant/7/gone", "configure/7/courier", "configure/7/log"];
        let expected: Vec<_> = expected.into_iter().chain(["configure/7/gone"]).map(one).collect();
        assert_eq!(acts(told, &wanted), expected);
        let gone = records(told, Setup::default(), &wanted).into_iter().filter_map(|entry| match entry {
            Entry::Act(OperatorAct { deed: Deed::Grant(Grant { connection, plugin: None, .. }), .. }) => {
                Some(connection)
            }
            Entry::Act(OperatorAct { deed: Deed::Configure(gone), .. }) if gone.digest.is_none() => {
                Some(gone.section)
            }
            _ => None,
        });
        assert_eq!(gone.collect::<Vec<_>>(), ["gone", "gone"]);
        let nobody = Wanted { change: Change::default(), ..wanted.clone() };
        assert!(acts(told, &nobody).iter().all(|(_, by, why)| by == "config" && why == WHY));
        let now = held(&wanted.sections);
        assert_eq!(
            acts(Told { setup: &setup, grants: &wanted.grants, sections: &now, stands: 9 }, &wanted),
            []
        );
    }

    /// Who made the last change did not make this one, as far as anybody says.
    #[test]
    fn a_change_of_which_nobody_says_who_made_it_is_nobodys() {
        let setup = Setup::default();
        let wanted = |courier: &str, why: &str| {
            let sections = vec![section("courier", courier), section(config::CHANGE, why)];
            Wanted { sections, change: li(why), ..Wanted::default() }
        };
        let before = held(&wanted("1", "first").sections);
        let told = Told { setup: &setup, grants: &[], sections: &before, stands: 7 };
        let act = |id: &str, by: &str, why: &str| (id.to_owned(), by.to_owned(), why.to_owned());
        let courier = "configure/7/courier";
        assert_eq!(acts(told, &wanted("2", "first")), [act(courier, "config", NOT_RENEWED)]);
        let renewed = [act(courier, "config/li", "second"), act("configure/7/change", "config/li", "second")];
        assert_eq!(acts(told, &wanted("2", "second")), renewed);
        // So it is with what connections may do.
        let other = Wanted { grants: vec![grant("wecom", "https://a")], ..wanted("1", "first") };
        assert_eq!(acts(told, &other), [act("grant/7/wecom", "config", NOT_RENEWED)]);
        // The first ones of all are of who wrote the file; those that an older host did not tell are not.
        let first = Told { sections: &[], stands: 0, ..told };
        assert_eq!(acts(first, &wanted("1", "first"))[0], act("configure/0/courier", "config/li", "first"));
        let older = Told { sections: &[], ..told };
        assert_eq!(acts(older, &wanted("1", "first"))[0], act(courier, "config", UNTOLD));
    }

    #[test]
    fn the_journal_is_told_of_settings_without_their_secrets() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.wasm"), "").unwrap();
        let told = |text: &str| {
            let file = folder.path().join("heliu.toml");
            std::fs::write(&file, text).unwrap();
            sections(&config::load(&file).unwrap())
        };
        let connection = |more: &str| {
            told(&format!("[[connection]]\nname = \"shop\"\nplugin = \"a.wasm\"\n{more}\n"))[0].clone()
        };
        let plain = connection("");
        assert_eq!((plain.section.as_str(), &plain.text), ("connection shop", &None));
        for more in [
            "poll_every = \"1m\"",
            "calls_max = 7",
            "since = \"2024-03-01\"",
            "[connection.settings]\nsecret = \"s3cr3t\"",
            "[connection.settings]\nsecret = \"other\"",
        ] {
            assert_ne!(connection(more).digest, plain.digest, "{more}");
        }
        assert_eq!(connection("hosts = [\"https://a.example\"]").digest, plain.digest, "a grant says so");
        // Of a secret there are two bytes of a digest and no more: many others give the same.
        let mut shop = some(&folder);
        let digests: std::collections::BTreeSet<Option<Digest>> = (0..300_000)
            .map(|number| {
                shop.settings = format!("{{\"secret\":\"{number}\"}}");
                settings(&shop).digest
            })
            .collect();
        assert!(digests.len() <= 65_536, "{}", digests.len());
        let mut config = config::load(&folder.path().join("some.toml")).unwrap();
        config.written = vec![Written { name: "log".to_owned(), text: "x".repeat(TEXT_MAX + 1) }];
        let text = sections(&config)[0].text.clone().unwrap();
        assert!(text.ends_with('…') && text.chars().count() == TEXT_MAX + 1, "{text}");
        let change = told("[change]\nby = \"li\"\n");
        assert_eq!((change[0].section.as_str(), &change[0].text), (config::CHANGE, &None));
    }

    fn some(folder: &tempfile::TempDir) -> config::Connection {
        let file = folder.path().join("some.toml");
        std::fs::write(&file, "[[connection]]\nname = \"shop\"\nplugin = \"a.wasm\"\n").unwrap();
        config::load(&file).unwrap().connections.remove(0)
    }
}
