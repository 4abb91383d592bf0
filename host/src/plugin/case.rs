//! What a plugin is called with: from one file for each input, or from one golden.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::{Chore, Errand, Instant, Json, MemoryCell, Request};
use sandbox::{Http, Taped, TapedBody};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use wire::{CassettePair, HttpCall, OwnedTurn, RawRequest};

#[derive(clap::Args)]
pub struct RunArgs {
    /// The component.
    pub(super) file: PathBuf,
    /// What to call.
    #[arg(required_unless_present = "golden")]
    call: Option<CallName>,
    /// The plugin's settings: a JSON object.
    #[arg(long, required_unless_present = "golden")]
    settings: Option<PathBuf>,
    /// receive: {"method","path","query","headers":[[name,value]],"body" or "body_base64"}.
    #[arg(long)]
    request: Option<PathBuf>,
    /// poll: the cursor, any JSON. Left out: the first poll.
    #[arg(long)]
    cursor: Option<PathBuf>,
    /// work: {"key","due","job"}.
    #[arg(long)]
    chore: Option<PathBuf>,
    /// carry: a list of {"id","scene","to","staff","text","content","detail"}.
    #[arg(long)]
    errands: Option<PathBuf>,
    /// evaluate: a list of {"customer","memory","position","now","happening"}.
    #[arg(long)]
    turns: Option<PathBuf>,
    /// A cassette: a list of {"request","response"} that answers what the plugin asks for over http. Left out: every
    /// request is refused and shown.
    #[arg(long)]
    http: Option<PathBuf>,
    /// The plugin's clock, in milliseconds since 1970. Left out: the system's.
    #[arg(long)]
    now: Option<Instant>,
    /// What the connection remembers: a list of {"key","value" or "value_base64","expires"}.
    #[arg(long)]
    memory: Option<PathBuf>,
    /// All of this from a golden, whose settings are taken as they are.
    #[arg(long, conflicts_with_all = ["call", "settings", "request", "cursor", "chore", "errands", "turns", "http", "now", "memory"])]
    golden: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CallName {
    Receive,
    Poll,
    Work,
    Carry,
    Evaluate,
}

/// One call, ready to be made.
pub(super) struct Case {
    pub(super) settings: Json,
    /// Where they came from, to be named if they do not fit the plugin's schema. None: they are taken as they are, since
    /// goldens show what a plugin does with wrong settings, too.
    pub(super) settings_file: Option<PathBuf>,
    /// None: the system's clock.
    pub(super) now: Option<Instant>,
    pub(super) input: Input,
    pub(super) http: Http,
    /// Named in the message about a request that nothing answers.
    pub(super) cassette: Option<PathBuf>,
    pub(super) memory: Vec<MemoryCell>,
}

pub(super) enum Input {
    Receive(Request),
    Poll(Option<Json>),
    Work(Chore),
    Carry(Vec<Errand>),
    Evaluate(Vec<OwnedTurn>),
}

impl Case {
    pub(super) fn read(arguments: &RunArgs) -> anyhow::Result<Case> {
        match &arguments.golden {
            Some(golden) => Case::of_golden(golden).with_context(|| golden.display().to_string()),
            None => Case::of_files(arguments),
        }
    }

    fn of_files(arguments: &RunArgs) -> anyhow::Result<Case> {
        let RunArgs {
            file: _,
            call,
            settings: settings_file,
            request,
            cursor,
            chore,
            errands,
            turns,
            http,
            now,
            memory,
            golden: _,
        } = arguments;
        let call = call.ok_or_else(|| anyhow!("say what to call: receive, poll, work, carry or evaluate"))?;
        let settings =
            read(settings_file.as_deref(), "--settings", |text| Ok(parse::<Box<RawValue>>(text)?))?;
        let input = match call {
            CallName::Receive => {
                Input::Receive(read(request.as_deref(), "--request", |text| request_of(parse(text)?))?)
            }
            CallName::Poll => Input::Poll(match cursor {
                Some(cursor) => {
                    let cursor: Option<Box<RawValue>> =
                        read(Some(cursor), "--cursor", |text| Ok(parse(text)?))?;
                    cursor.map(|cursor| cursor.get().to_owned())
                }
                None => None,
            }),
            CallName::Work => {
                Input::Work(read(chore.as_deref(), "--chore", |text| Ok(wire::from_json::<Chore>(text)?))?)
            }
            CallName::Carry => Input::Carry(read(errands.as_deref(), "--errands", errands_of)?),
            CallName::Evaluate => Input::Evaluate(read(turns.as_deref(), "--turns", turns_of)?),
        };
        let http_of = |text: &str| cassette_of(parse(text)?);
        Ok(Case {
            settings: settings.get().to_owned(),
            settings_file: settings_file.clone(),
            now: *now,
            input,
            http: match http {
                Some(http) => Http::cassette(read(Some(http), "--http", http_of)?),
                None => Http::closed(),
            },
            cassette: http.clone(),
            memory: match memory {
                Some(memory) => read(Some(memory), "--memory", memory_of)?,
                None => Vec::new(),
            },
        })
    }

    fn of_golden(path: &Path) -> anyhow::Result<Case> {
        let text = std::fs::read_to_string(path).context("read the golden")?;
        let golden: Golden = parse(&text)?;
        let Golden {
            _about: _,
            call,
            settings,
            now,
            request,
            cursor,
            chore,
            errands,
            turns,
            memory,
            http,
            _expect: _,
            _exit: _,
        } = golden;
        let missing = |key: &str| anyhow!("missing key \"{key}\", which this call takes");
        let input = match call {
            CallName::Receive => Input::Receive(request_of(request.ok_or_else(|| missing("request"))?)?),
            CallName::Poll => Input::Poll(cursor.map(|cursor| cursor.get().to_owned())),
            CallName::Work => {
                let chore = chore.ok_or_else(|| missing("chore"))?;
                Input::Work(wire::from_json::<Chore>(chore.get())?)
            }
            CallName::Carry => {
                let errands = errands.ok_or_else(|| missing("errands"))?;
                Input::Carry(errands_of(errands.get()).context("errands")?)
            }
            CallName::Evaluate => {
                let turns = turns.ok_or_else(|| missing("turns"))?;
                Input::Evaluate(turns_of(turns.get()).context("turns")?)
            }
        };
        Ok(Case {
            settings: settings.get().to_owned(),
            settings_file: None,
            now: Some(now.unwrap_or(0)),
            input,
            http: Http::cassette(cassette_of(http).context("http")?),
            cassette: Some(path.to_owned()),
            memory: cells_of(memory).context("memory")?,
        })
    }
}

/// A case of a plugin's tests, as the SDK's harness writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    #[serde(rename = "about", default)]
    _about: IgnoredAny,
    call: CallName,
    settings: Box<RawValue>,
    now: Option<Instant>,
    request: Option<RawRequest>,
    cursor: Option<Box<RawValue>>,
    chore: Option<Box<RawValue>>,
    errands: Option<Box<RawValue>>,
    turns: Option<Box<RawValue>>,
    #[serde(default)]
    memory: Vec<CellFile>,
    #[serde(default)]
    http: Vec<CassettePair>,
    #[serde(rename = "expect", default)]
    _expect: IgnoredAny,
    #[serde(rename = "exit", default)]
    _exit: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CellFile {
    key: String,
    value: Option<String>,
    value_base64: Option<String>,
    expires: Option<Instant>,
}

/// Reads one input. Errors name the option and the file.
fn read<T>(
    path: Option<&Path>,
    option: &str,
    parse: impl FnOnce(&str) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let path = path.ok_or_else(|| anyhow!("this call takes {option} FILE"))?;
    let text = std::fs::read_to_string(path).with_context(|| format!("{option}: read {}", path.display()))?;
    parse(&text).with_context(|| format!("{option}: {}", path.display()))
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text)
}

fn request_of(request: RawRequest) -> anyhow::Result<Request> {
    request.into_request().map_err(anyhow::Error::msg)
}

fn turns_of(text: &str) -> anyhow::Result<Vec<OwnedTurn>> {
    wire::turns_from_json(text).map_err(anyhow::Error::msg)
}

fn errands_of(text: &str) -> anyhow::Result<Vec<Errand>> {
    let errands: Vec<Box<RawValue>> = parse(text)?;
    errands.iter().map(|errand| Ok(wire::from_json::<Errand>(errand.get())?)).collect()
}

fn memory_of(text: &str) -> anyhow::Result<Vec<MemoryCell>> {
    cells_of(parse(text)?)
}

fn cells_of(files: Vec<CellFile>) -> anyhow::Result<Vec<MemoryCell>> {
    let cell = |CellFile { key, value, value_base64, expires }| {
        let value = match (value, value_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(base64)) => {
                BASE64.decode(base64).with_context(|| format!("\"value_base64\" of \"{key}\""))?
            }
            _ => bail!("\"{key}\" takes one of \"value\" and \"value_base64\""),
        };
        Ok(MemoryCell { key, value, expires })
    };
    files.into_iter().map(cell).collect()
}

fn cassette_of(pairs: Vec<CassettePair>) -> anyhow::Result<Vec<Taped>> {
    pairs.into_iter().map(taped).collect()
}

fn taped(CassettePair { request, response }: CassettePair) -> anyhow::Result<Taped> {
    let body_of_answer = response.body();
    let HttpCall { method, url, headers: _, body, body_json } = request;
    let named = format!("{method} {url}");
    let body = match (body, body_json) {
        (None, None) => None,
        (Some(text), None) => Some(TapedBody::Bytes(text.into_bytes())),
        (None, Some(json)) => Some(TapedBody::Json(parse(json.get())?)),
        (Some(_), Some(_)) => bail!("{named}: give one of \"body\" and \"body_json\""),
    };
    let (status, headers) = (response.status, response.headers.clone());
    let response = body_of_answer.map_err(|why| anyhow!("{named}: {why}"))?;
    Ok(Taped { method, url, body, status, headers, response })
}
