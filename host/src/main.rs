//! The command line of a Heliu host. Stable, for scripts and people: `--json` everywhere, exit code 0 only for success.
//!
//! Parses arguments, wires, runs. The only crate that names concrete backends; nobody but the bench depends on it.
#![expect(clippy::print_stdout, reason = "a command line prints")]

mod acting;
mod carrying;
mod commands;
mod logging;
mod pinned;
mod plugin;
mod serve;
mod telemetry;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use journal::{Journal, Records};
use model::Attest;
use router::UnderWay;
use sandbox::{Grants, Plugin};
use store::Store;

use heliu::signature::read_component;
use heliu::wiring::{self, Data, Policies, Shelf};

use acting::DeadAct;
use carrying::Outlet;
use commands::{
    Asked, BacktestArguments, BroadcastCommand, CustomerAct, CustomerCommand, DeadCommand, ExportCommand,
    Ground, IdentityAct, IdentityCommand, IntentCommand, JournalCommand, NotesArguments, Propose, Said,
    SegmentCommand, ShadowArguments, Signed, Stage, TokenCommand, When,
};
use plugin::PluginCommand;

/// One customer store out of many channels.
///
/// Exit codes: 0 success; 1 it failed, the reason is on standard error; 2 the arguments are wrong. `plugin run` adds 3
/// (the request is not authentic), 4 (it is malformed) and 5 (the plugin says that it could not do it).
#[derive(Parser)]
#[command(name = "heliu", version, arg_required_else_help = true)]
struct Arguments {
    /// Print JSON instead of text for people.
    #[arg(long, global = true)]
    json: bool,
    /// The configuration of the host whose data is meant.
    #[arg(long, global = true, env = "HELIU_CONFIG", default_value = "heliu.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the host: webhooks in, customers out. SIGHUP reads the configuration again, SIGTERM stops it.
    Serve {
        /// Die there, as if by SIGKILL: `POINT`, `POINT:NTH`, `POINT:NTH+MICROSECONDS`. For tests.
        #[arg(long, hide = true)]
        die_at: Option<failpoint::Death>,
    },
    /// Look at a plugin, or call it once in the real sandbox, outside any store.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Compile one component for the host that started this process, which limits itself first.
    #[command(hide = true, name = wiring::COMPILE)]
    Compile { order: Vec<OsString> },
    /// The append-only truth: export, import, tail.
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Customers, and why they are what they are; merge two, or split one.
    #[command(subcommand)]
    Customer(CustomerGroup),
    /// Who is who: what made somebody one person, where records disagree, and how to take something back.
    #[command(subcommand)]
    Identity(IdentityGroup),
    /// What could not be handled: look at it, try it again, let it go.
    #[command(subcommand)]
    Dead(DeadGroup),
    /// Segments of the configuration, and who is in them.
    #[command(subcommand)]
    Segment(SegmentCommand),
    /// How many customers there are, by segment, tag, stage and channel. Reads all customers.
    Counts(When),
    /// What should reach customers, and how far it has come.
    #[command(subcommand)]
    Intent(IntentCommand),
    /// What a person must look at: conflicts of identity, turns at which a policy failed, receipts that were not taken, erasures.
    Notes(NotesArguments),
    /// Something for everybody in a segment.
    #[command(subcommand)]
    Broadcast(BroadcastCommand),
    /// Customers, tags, intents or events as a table: CSV, or Parquet.
    #[command(subcommand)]
    Export(ExportCommand),
    /// Try another version of a policy on the whole journal, beside the one that is bound. Writes nothing, sends nothing.
    Backtest(BacktestArguments),
    /// What the version that decides beside a policy (`[policy.shadow]`) makes of everybody, held against what the policy made.
    Shadow(ShadowArguments),
    /// The tokens of the API: who may use it, and for what.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Look for what is wrong, or soon will be: configuration, plugins, disk, clock, network, data, tokens, certificates.
    /// Exit code 0: nothing; 1: something should be looked at; 2: something must be mended.
    Doctor,
    /// The state hash, and the position and the time that it stands for.
    Digest(When),
    /// Copy everything into a new folder, whole and checked, also while the host runs. Secrets are left out.
    Backup {
        /// The folder. It must not be there yet.
        folder: PathBuf,
        #[command(flatten)]
        signed: Signed,
        /// Copy also where the journal cannot be told of it: a full disk, a host that does not answer. Who and why then
        /// stand in the manifest alone.
        #[arg(long)]
        unrecorded: bool,
    },
    /// Put a backup into a data folder that holds nothing yet, and the configuration where there is none.
    Restore {
        /// What `heliu backup` made.
        folder: PathBuf,
        /// A list of erasures (`erasures.jsonl`) that is younger than the backup. That beside the backup is read in any case.
        #[arg(long, value_name = "FILE")]
        erasures: Option<PathBuf>,
        #[command(flatten)]
        signed: Signed,
    },
    /// Fold the journal again from the beginning.
    Rebuild {
        /// Compare the result with the store, which stays as it is. Exit code 1 if they differ.
        #[arg(long, required = true)]
        check: bool,
    },
}

#[derive(Subcommand)]
enum CustomerGroup {
    #[command(flatten)]
    Look(CustomerCommand),
    #[command(flatten)]
    Act(CustomerAct),
    /// Everything that is kept of a person, as JSON: her document, her records as they stand in the journal, what was asked
    /// of staff and sent, and what waits and names her. That it was given out is said in the journal.
    Export {
        /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
        #[arg(value_name = "ID|HANDLE")]
        who: String,
        #[command(flatten)]
        when: When,
        #[command(flatten)]
        said: Said,
    },
}

#[derive(Subcommand)]
enum IdentityGroup {
    #[command(flatten)]
    Look(IdentityCommand),
    #[command(flatten)]
    Act(IdentityAct),
}

#[derive(Subcommand)]
enum DeadGroup {
    #[command(flatten)]
    Look(DeadCommand),
    #[command(flatten)]
    Act(DeadAct),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("heliu: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { json, config, command } = arguments;
    let mut out = std::io::stdout().lock();
    match command {
        Command::Serve { die_at } => {
            if let Some(death) = die_at {
                failpoint::arm(death);
            }
            serve(&config, json)?;
        }
        Command::Plugin(command) => {
            drop(out);
            return runtime()?.block_on(plugin::run(command, &config, json));
        }
        Command::Compile { order } => {
            drop(out);
            return Ok(sandbox::compile_for_parent(&order));
        }
        Command::Journal(command) => journal(command, &config, json, &mut out)?,
        Command::Customer(CustomerGroup::Look(command)) => {
            commands::customer(command, &asked(&config)?, json, &mut out)?;
        }
        Command::Customer(CustomerGroup::Act(CustomerAct::Erase { listed: true, said, .. })) => {
            acting::erase_listed(&config, &said, json, &mut out)?;
        }
        Command::Customer(CustomerGroup::Act(act)) => {
            acting::run(&config, act.said(), |store| act.deed(store), json, &mut out)?;
        }
        Command::Customer(CustomerGroup::Export { who, when, said }) => {
            export(&config, &who, &when, &said, &mut out)?;
        }
        Command::Identity(IdentityGroup::Look(command)) => {
            commands::identity(command, &asked(&config)?, json, &mut out)?;
        }
        Command::Identity(IdentityGroup::Act(act)) => {
            acting::run(&config, act.said(), |_| Ok(act.deed()), json, &mut out)?;
        }
        Command::Dead(DeadGroup::Look(command)) => {
            commands::dead(command, &asked(&config)?, json, &mut out)?;
        }
        Command::Dead(DeadGroup::Act(act)) => {
            let all = acting::dead(&config, &act, json, &mut out)?;
            return Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Segment(command) => commands::segment(command, &asked(&config)?, json, &mut out)?,
        Command::Intent(command) => commands::intent(command, &asked(&config)?, json, &mut out)?,
        Command::Notes(arguments) => commands::notes(&arguments, &asked(&config)?, json, &mut out)?,
        Command::Broadcast(command) => broadcast(command, &config, json, &mut out)?,
        Command::Counts(when) => commands::counts(&asked(&config)?, &when, json, &mut out)?,
        Command::Export(command) => export_table(command, &config, json, &mut out)?,
        Command::Backtest(arguments) => backtest(&arguments, &config, json, &mut out)?,
        Command::Shadow(arguments) => shadow(&arguments, &config, json, &mut out)?,
        Command::Backup { folder, signed, unrecorded } => {
            backup(&config, &folder, &signed, unrecorded, json, &mut out)?;
        }
        Command::Restore { folder, erasures, signed } => {
            commands::restore(&config, &folder, erasures.as_deref(), &signed, json, &mut out)?;
        }
        Command::Token(command) => {
            commands::token(command, &config::load(&config)?, wiring::system_now(), json, &mut out)?;
        }
        Command::Doctor => return runtime()?.block_on(commands::doctor(&config, json, &mut out)),
        Command::Digest(when) => commands::digest(&asked(&config)?, &when, json, &mut out)?,
        Command::Rebuild { check: _ } => {
            drop(out);
            return rebuild(&config, json);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn journal(
    command: JournalCommand,
    path: &Path,
    json: bool,
    out: &mut dyn std::io::Write,
) -> anyhow::Result<()> {
    let config = config::load(path)?;
    // Nothing tells a running host of an append from outside.
    let imports = matches!(command, JournalCommand::Import { .. });
    let _lock = imports.then(|| Data::open_alone(&config)).transpose()?;
    attest(&config, command.attests())?;
    let (journal, store) = open(path)?;
    commands::journal(command, &config.tenant, journal, store, json, out)
}

/// As with an export, it is said first; but a disk that is full or dying takes no record, and needs a backup more than any.
fn backup(
    path: &Path,
    folder: &Path,
    signed: &Signed,
    unrecorded: bool,
    json: bool,
    out: &mut dyn std::io::Write,
) -> anyhow::Result<()> {
    let config = config::load(path)?;
    let say = |attest| {
        match acting::attest(&config, signed, attest) {
        Err(error) if unrecorded => {
            eprintln!("heliu: the journal does not say that this backup is made: {error:#}");
            Ok(None)
        }
        told => told.context(
            "say in the journal that a backup is made; --unrecorded makes it all the same, and says so in the manifest",
        ),
    }
    };
    commands::backup(&config, folder, signed, say, json, out)
}

fn broadcast(
    command: BroadcastCommand,
    path: &Path,
    json: bool,
    out: &mut dyn std::io::Write,
) -> anyhow::Result<()> {
    let read = config::load(path)?;
    let alone = if command.writes() { Data::try_alone(&read)? } else { None };
    let propose: Propose = match (&alone, command.writes()) {
        // Nothing tells a running host of an append from outside: it appends by itself.
        (None, true) => Box::new(move |_, acts| acting::propose(&read, &acts)),
        (Some(_), _) | (None, false) => Box::new(commands::propose_alone),
    };
    commands::broadcast(command, &ground(path, propose)?, json, out)
}

/// It is said in the journal first: what was given out unseen could not be taken back.
fn export(
    path: &Path,
    who: &str,
    when: &When,
    said: &Said,
    out: &mut dyn std::io::Write,
) -> anyhow::Result<()> {
    // Nothing is said where there was nobody then.
    let then = when.at()?.map(|_| when.person(&asked(path)?, who)).transpose()?;
    let deed = |store: &dyn Store| commands::attest_export(store, who, when);
    let answer = acting::understood(&acting::say(&config::load(path)?, said, deed)?)?;
    if answer.dry_run {
        return commands::tell_act(&answer, out);
    }
    let asked = asked(path)?;
    let found = then.map_or_else(|| when.person(&asked, who), Ok)?;
    commands::export_customer(&asked, &found, answer.position, out)
}

/// The same, of a table of many.
fn export_table(
    command: ExportCommand,
    path: &Path,
    json: bool,
    out: &mut dyn std::io::Write,
) -> anyhow::Result<()> {
    command.check(&asked(path)?)?;
    let config = config::load(path)?;
    let answer = acting::understood(&acting::say(&config, command.said(), |_| Ok(command.deed()))?)?;
    if answer.dry_run {
        return commands::tell_act(&answer, out);
    }
    commands::export(command, &asked(path)?, json, out)
}

fn backtest(
    arguments: &BacktestArguments,
    path: &Path,
    json: bool,
    out: &mut dyn std::io::Write,
) -> anyhow::Result<()> {
    let config = config::load(path)?;
    attest(&config, arguments.attests())?;
    commands::backtest(arguments, &config, json, out)
}

fn shadow(
    arguments: &ShadowArguments,
    path: &Path,
    json: bool,
    out: &mut dyn std::io::Write,
) -> anyhow::Result<()> {
    arguments.check()?;
    let config = config::load(path)?;
    attest(&config, arguments.attests())?;
    commands::shadow(arguments, &config, json, out)
}

/// What goes out of the host is said in the journal first.
fn attest(config: &config::Config, said: Option<(Signed, Attest)>) -> anyhow::Result<()> {
    said.map(|(signed, attest)| acting::attest(config, &signed, attest)).transpose().map(drop)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn open(path: &Path) -> anyhow::Result<(Arc<dyn Journal>, Arc<dyn Store>)> {
    let data = Data::open(&config::load(path)?)?;
    Ok((data.journal, data.store))
}

/// The data beside a host that may be running, and the time that it is for that host. Of a manual clock only what the
/// host left behind is known from outside.
fn asked(path: &Path) -> anyhow::Result<Asked> {
    let config = config::load(path)?;
    let data = Data::open(&config)?;
    let (journal, store) = (data.journal.clone(), data.store.clone());
    let now = match config.clock {
        config::Clock::System => wiring::system_now(),
        config::Clock::Manual => journal.head()?.now.max(store.standing()?.0.fired),
    };
    let plugins = move || -> anyhow::Result<Arc<dyn router::Plugins>> {
        Ok(Arc::new(Policies::new(data.sandbox()?, Shelf::new(&data))))
    };
    Ok(Asked { journal, store, segments: config.segments, now, plugins: Box::new(plugins) })
}

/// What a broadcast is held against: who there is, the rules, and the connections that carry.
fn ground(path: &Path, propose: Propose) -> anyhow::Result<Ground> {
    let config = config::load(path)?;
    let sandbox = Data::open(&config)?.sandbox()?;
    let (mut outlets, mut stages) = (Vec::new(), Vec::new());
    for wanted in &config.connections {
        let bytes = read_component(&wanted.plugin, &config.plugins)?;
        let admitted = sandbox.admit(&bytes, &Grants::all());
        if let Plugin::Connector(connector) = admitted.with_context(|| wanted.plugin.display().to_string())?
            && connector.offers().outlet
        {
            let (settings, secrets, again) = (&wanted.settings, &wanted.secrets, &wanted.carry_again);
            let descriptor = connector.descriptor();
            let outlet = Outlet::new(&wanted.name, descriptor, settings, secrets, again, wanted.since);
            outlets.push(outlet.clone());
            let (settings, secrets, http) = (settings.clone(), secrets.clone(), sandbox.http(Vec::new())?);
            stages.push(Stage { outlet, connector, settings, secrets, http });
        }
    }
    Ok(Ground { asked: asked(path)?, plan: config.courier, outlets, stages, propose })
}

fn serve(path: &Path, json: bool) -> anyhow::Result<()> {
    let config = config::load(path)?;
    let traces = logging::start(&config, json)?;
    let ready = |listening: &serve::Listening| {
        let serve::Listening { hooks, api } = listening;
        if json {
            let (url, people) = (hooks.to_string(), api.to_string());
            let told = serde_json::json!({ "listening": hooks.at.to_string(), "url": url, "api": people });
            println!("{told}");
        } else if hooks == api {
            println!("heliu listens on {hooks}");
        } else {
            println!("heliu listens on {hooks}, and the API on {api}");
        }
    };
    let runtime = runtime()?;
    let served = runtime.block_on(serve::serve(config, traces, ready));
    // What must end has ended. A component that is being compiled for a reload is not waited for: its process ends with this one.
    runtime.shutdown_background();
    served
}

fn rebuild(path: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let data = Data::open(&config::load(path)?)?;
    let policies = Arc::new(Policies::new(data.sandbox()?, Shelf::new(&data)));
    let (stored, standing) = data.store.digest()?;
    let rebuilt = router::rebuild(data.journal.clone(), policies, standing)?;
    let same = rebuilt.digest == stored;
    let under_way = match same {
        true => None,
        false => router::under_way(&*data.journal, &*data.store, standing)?,
    };
    let verdict = if same { "the same" } else { "DIFFERENT" };
    let work = under_way.map(|work| match work {
        UnderWay::Record(position) => format!("people are folded again because of record {position}"),
        UnderWay::Alarms => "alarms fire".to_owned(),
        UnderWay::Others(position) => format!(
            "who had to do with the person whom record {position} erased is folded again when the policy that is paused \
             decides again"
        ),
    });
    if json {
        let (position, fired) = (standing.position, standing.fired);
        let (store, rebuilt) = (stored.to_string(), rebuilt.digest.to_string());
        let answer = serde_json::json!({
            "same": same, "store": store, "rebuilt": rebuilt, "position": position, "fired": fired,
            "under_way": under_way.is_some(),
        });
        println!("{answer}");
    } else {
        println!("store   {stored}\nrebuilt {}", rebuilt.digest);
        println!("{verdict}, at position {} with alarms fired by {}", standing.position, standing.fired);
        if let Some(work) = work {
            println!(
                "{work}, and that is not done: compare again when a host has done it, which it begins with"
            );
        }
    }
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
