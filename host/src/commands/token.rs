//! `heliu token`: who may use the API, and for what.

use std::io::Write;

use anyhow::bail;
use api::{CONFIG_TOKEN, Scope, TokenFile, TokenRecord, TokenWord};
use config::Config;
use model::Instant;
use serde::Serialize;

use super::act::Signed;
use super::calendar::Zone;
use super::table::Table;
use super::{print_json, unless_reader_left};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it. Nobody can print it again: the host keeps its hash.
    Create {
        /// What acts and logs say. Lower-case letters, digits and dashes; never used for another token.
        name: String,
        /// What it opens; as often as there are scopes. `read`: customers and what should reach them. `operate`: say who
        /// is who, propose, see requests as they came. `administer`: how the host is, and what moves it.
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<Scope>,
        /// How long it opens anything, like `90d` or `12h`. For ever, if left out.
        #[arg(long, value_name = "DURATION", value_parser = config::parse_duration)]
        expires_in: Option<std::time::Duration>,
        #[command(flatten)]
        signed: Signed,
    },
    /// Every token that there was, and whether it is in force.
    List,
    /// From the next request on, a token opens nothing. Its name stays, for what was done under it.
    Revoke {
        name: String,
        #[command(flatten)]
        signed: Signed,
    },
}

#[derive(Serialize)]
struct Made<'a> {
    name: &'a str,
    token: &'a str,
}

#[derive(Serialize)]
struct TokensView<'a> {
    tokens: Vec<TokenView<'a>>,
}

#[derive(Serialize)]
struct TokenView<'a> {
    name: &'a str,
    scopes: &'a [Scope],
    /// `in force`, `expired` or `revoked`.
    state: &'static str,
    created: Option<Instant>,
    expires: Option<Instant>,
    revoked: Option<Instant>,
    made_by: Option<&'a TokenWord>,
    revoked_by: Option<&'a TokenWord>,
}

/// The host tells the journal, when it sees the file: a token is made before there is a host, or a journal, too.
fn word(signed: Signed) -> TokenWord {
    TokenWord { by: signed.by(), why: signed.why }
}

pub(crate) fn run(
    command: TokenCommand,
    config: &Config,
    now: Instant,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let file = TokenFile::new(&config.data_dir, &config.tenant);
    match command {
        TokenCommand::Create { name, scopes, expires_in, signed } => {
            heliu::wiring::make_folder(&config.data_dir)?;
            let expires = expires_in.map(|within| u64::try_from(within.as_millis())).transpose()?;
            let expires = expires.map(|within| now.saturating_add(within));
            let token = file.create(&name, &scopes, expires, now, word(signed))?;
            if json {
                return print_json(out, &Made { name: &name, token: &token });
            }
            writeln!(out, "{token}")?;
            eprintln!("keep it now: it is not shown again");
            Ok(())
        }
        TokenCommand::List => {
            unless_reader_left(list(&file.read()?, config.api.token.is_some(), now, json, out))
        }
        TokenCommand::Revoke { name, signed: _ } if name == CONFIG_TOKEN => {
            bail!("\"{CONFIG_TOKEN}\" is [api] token of {}: take it out there", config.path.display())
        }
        TokenCommand::Revoke { name, signed } => {
            file.revoke(&name, now, word(signed))?;
            if json {
                return print_json(out, &serde_json::json!({ "name": name, "revoked": now }));
            }
            writeln!(out, "{name} opens nothing any more")?;
            Ok(())
        }
    }
}

fn list(
    tokens: &[TokenRecord],
    configured: bool,
    now: Instant,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let config = TokenView {
        name: CONFIG_TOKEN,
        scopes: &Scope::ALL,
        state: "in force",
        created: None,
        expires: None,
        revoked: None,
        made_by: None,
        revoked_by: None,
    };
    let mut views: Vec<TokenView<'_>> = configured.then_some(config).into_iter().collect();
    views.extend(tokens.iter().map(|token| view(token, now)));
    if json {
        return print_json(out, &TokensView { tokens: views });
    }
    let mut table = Table::default();
    table.row(["NAME", "SCOPES", "STATE", "MADE", "UNTIL", "BY", "WHY"].map(str::to_owned));
    let day = |time: Option<Instant>| time.map_or_else(String::new, |time| Zone::Beijing.text(time));
    for TokenView { name, scopes, state, created, expires, revoked, made_by, revoked_by } in views {
        let until = day(revoked.or(expires));
        let (by, why) = revoked_by
            .or(made_by)
            .map_or_else(Default::default, |word| (word.by.clone(), super::plain(&word.why)));
        table.row([name.to_owned(), Scope::listed(scopes), state.to_owned(), day(created), until, by, why]);
    }
    table.print("", out)?;
    Ok(())
}

fn view(token: &TokenRecord, now: Instant) -> TokenView<'_> {
    let TokenRecord { name, scopes, sha256: _, created, expires, revoked, made_by, revoked_by } = token;
    let state = match (revoked, token.is_over(now)) {
        (Some(_), _) => "revoked",
        (None, true) => "expired",
        (None, false) => "in force",
    };
    let (created, made_by, revoked_by) = (Some(*created), made_by.as_ref(), revoked_by.as_ref());
    TokenView { name, scopes, state, created, expires: *expires, revoked: *revoked, made_by, revoked_by }
}
