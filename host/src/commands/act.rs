//! `heliu customer merge|split|tag|untag|erase` and `heliu identity retract`: what an operator says of a customer.
//!
//! Here is what she says, and how what it changes is told; the way into the journal is not here.

mod tell;

use anyhow::Context as _;
use api::lookup;
use model::{CustomerId, Deed, Erase, HandTag, HandUntag, Identity, Join, Position, Retract, Split};
use store::Store;

pub(crate) use tell::tell;

use super::customer::find;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum CustomerAct {
    /// Say that two customers are one person. Tags, stages and intents are folded again, as if she had always been one.
    Merge {
        /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
        #[arg(value_name = "ID|HANDLE")]
        one: String,
        #[arg(value_name = "ID|HANDLE")]
        other: String,
        #[command(flatten)]
        said: Said,
    },
    /// Give a tag by hand. It stays when her past is folded again; a policy may take it away.
    Tag {
        /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
        #[arg(value_name = "ID|HANDLE")]
        who: String,
        #[arg(value_name = "TAG")]
        name: String,
        /// When it ends by itself, in milliseconds since 1970.
        #[arg(long, value_name = "MS")]
        expires: Option<model::Instant>,
        #[command(flatten)]
        said: Said,
    },
    /// Take a tag by hand, whoever gave it. A policy may give it again.
    Untag {
        /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
        #[arg(value_name = "ID|HANDLE")]
        who: String,
        #[arg(value_name = "TAG")]
        name: String,
        #[command(flatten)]
        said: Said,
    },
    /// Forget a person: her records in the journal, her document, her handles, and what waits for her. Nobody takes it back.
    /// Everybody else stays as they are.
    Erase {
        /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
        #[arg(value_name = "ID|HANDLE", required_unless_present = "listed")]
        who: Option<String>,
        /// Those whom the data folder lists as erased, and who are back with a backup from before.
        #[arg(long, conflicts_with = "who")]
        listed: bool,
        #[command(flatten)]
        said: Said,
    },
    /// Say that some handles of a customer are another person's.
    Split {
        /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
        #[arg(value_name = "ID|HANDLE")]
        who: String,
        /// A handle that is the other person's. As often as there are such handles.
        #[arg(long = "handle", value_name = "SCHEME:SCOPE:VALUE", required = true)]
        handles: Vec<String>,
        #[command(flatten)]
        said: Said,
    },
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum IdentityAct {
    /// Take back what a record says of who is who: an event with several handles, a merge or a split by hand, or an
    /// earlier retraction of an event. Everybody concerned is folded again, as if it had never been said.
    Retract {
        /// Where it stands; `heliu identity edges` tells.
        position: Position,
        #[command(flatten)]
        said: Said,
    },
}

/// Who says it, and why.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Said {
    /// Who says so. Stands in the journal for ever.
    #[arg(long, value_name = "NAME", value_parser = line)]
    pub(crate) by: String,
    /// Why. Stands in the journal for ever.
    #[arg(long, value_name = "TEXT", value_parser = line)]
    pub(crate) why: String,
    /// An id of your own: the same one twice is one act, so a script may try again.
    #[arg(long, value_name = "ID", value_parser = line)]
    pub(crate) id: Option<String>,
    /// Only tell what it would change.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Who does something that changes no customer, and why.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Signed {
    /// Who does it. Stands in the journal for ever.
    #[arg(long, value_name = "NAME", value_parser = line)]
    pub(crate) by: String,
    /// Why. Stands in the journal for ever.
    #[arg(long, value_name = "TEXT", value_parser = line)]
    pub(crate) why: String,
}

impl Signed {
    /// As a host would say it: whoever holds the folder holds its configuration.
    pub(crate) fn by(&self) -> String {
        api::Caller::of_config().said_by(Some(&self.by))
    }
}

/// Letters of what an operator says, at most.
const SAID_MAX: usize = 1000;

pub(crate) fn line(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("it is not one line of text".to_owned());
    }
    if text.chars().count() > SAID_MAX {
        return Err(format!("it has more than {SAID_MAX} letters"));
    }
    Ok(text.to_owned())
}

impl CustomerAct {
    pub(crate) fn said(&self) -> &Said {
        match self {
            CustomerAct::Merge { said, .. }
            | CustomerAct::Split { said, .. }
            | CustomerAct::Tag { said, .. }
            | CustomerAct::Untag { said, .. }
            | CustomerAct::Erase { said, .. } => said,
        }
    }

    /// The deed, of those whom the store has.
    pub(crate) fn deed(&self, store: &dyn Store) -> anyhow::Result<Deed> {
        match self {
            CustomerAct::Merge { one, other, said: _ } => {
                Ok(Deed::Join(Join { one: named(store, one)?, other: named(store, other)? }))
            }
            CustomerAct::Tag { who, name, expires, said: _ } => {
                let (customer, name, expires) = (find(store, who)?.id, name.clone(), *expires);
                Ok(Deed::Tag(HandTag { customer, name, expires }))
            }
            CustomerAct::Untag { who, name, said: _ } => {
                Ok(Deed::Untag(HandUntag { customer: find(store, who)?.id, name: name.clone() }))
            }
            CustomerAct::Erase { who, listed: _, said: _ } => {
                let who = who.as_deref().context("nobody is named")?;
                Ok(Deed::Erase(Erase { customer: find(store, who)?.id }))
            }
            CustomerAct::Split { who, handles, said: _ } => {
                let handles = handles.iter().map(|text| handle(text)).collect::<anyhow::Result<_>>()?;
                Ok(Deed::Split(Split { customer: find(store, who)?.id, handles }))
            }
        }
    }
}

impl IdentityAct {
    pub(crate) fn said(&self) -> &Said {
        let IdentityAct::Retract { position: _, said } = self;
        said
    }

    pub(crate) fn deed(&self) -> Deed {
        let IdentityAct::Retract { position, said: _ } = self;
        Deed::Retract(Retract { edge: *position })
    }
}

/// The id as it is given, although she may be part of another by now: a join goes by the record that it names.
fn named(store: &dyn Store, who: &str) -> anyhow::Result<CustomerId> {
    let now = find(store, who)?.id;
    if who.contains(':') { Ok(now) } else { Ok(who.parse()?) }
}

fn handle(text: &str) -> anyhow::Result<Identity> {
    lookup::parse_handle(text)
        .with_context(|| format!("\"{text}\" is not a handle like wechat.unionid:SCOPE:VALUE"))
}
