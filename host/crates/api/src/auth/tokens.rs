//! The tokens of a host: one in its configuration, the others in a file of its data folder.
//!
//! The file is replaced whole, so a reader finds the old one or the new one. A running host looks at each request whether
//! there is a new one: what is revoked is refused from the next request on. A file that cannot be read opens nothing.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use model::Instant;
use serde::{Deserialize, Serialize};

use super::scope::Scope;
use super::token::{TokenHash, make_token};

/// The name under which the configuration's token acts.
pub const CONFIG_TOKEN: &str = "config";

/// Tokens of a host, revoked ones included. Every request is held against each.
const TOKENS_MAX: usize = 1000;

/// A file of `TOKENS_MAX` tokens is a third of it.
const FILE_BYTES_MAX: u64 = 1 << 20;

const NAME_BYTES_MAX: usize = 64;

/// Who made a token, or ended it, is kept from 2 on.
const FORMAT: u32 = 2;
const FORMATS: std::ops::RangeInclusive<u32> = 1..=FORMAT;

#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    #[error("{path}: {error}")]
    Io { path: String, error: io::Error },
    #[error("{path}: not a file of tokens: {reason}; take it away, and make the tokens anew")]
    Damaged { path: String, reason: String },
    #[error("{path}: the tokens of tenant \"{found}\", and the configuration is tenant \"{wanted}\"'s")]
    OtherTenant { path: String, found: String, wanted: String },
    #[error(
        "there is a token \"{0}\" already, and a revoked one keeps its name for what it did: choose another"
    )]
    Taken(String),
    #[error("there is no token \"{0}\": `heliu token list` names them")]
    Unknown(String),
    #[error("the token \"{0}\" is revoked already")]
    RevokedAlready(String),
    #[error(
        "\"{0}\" is no name for a token: lower-case letters, digits and dashes, {NAME_BYTES_MAX} at most, and not \
         \"{CONFIG_TOKEN}\", which is the configuration's"
    )]
    Name(String),
    #[error("a token without a scope opens nothing: name at least one")]
    NoScope,
    #[error("{TOKENS_MAX} tokens are there, revoked ones included, and no more may be")]
    TooMany,
    #[error("{0}")]
    Random(String),
}

/// Who made a token, or revoked it, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenWord {
    pub by: String,
    pub why: String,
}

/// What is kept of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRecord {
    pub name: String,
    pub scopes: Vec<Scope>,
    pub sha256: TokenHash,
    pub created: Instant,
    pub expires: Option<Instant>,
    pub revoked: Option<Instant>,
    /// None: a host made it that asked nobody.
    #[serde(default)]
    pub made_by: Option<TokenWord>,
    #[serde(default)]
    pub revoked_by: Option<TokenWord>,
}

impl TokenRecord {
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        self.revoked.is_some() || self.expires.is_some_and(|expires| expires <= now)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    tenant: String,
    tokens: Vec<TokenRecord>,
}

/// The tokens of a data folder, as its file has them.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
    tenant: String,
}

impl TokenFile {
    #[must_use]
    pub fn new(folder: &Path, tenant: &str) -> TokenFile {
        TokenFile { path: folder.join("tokens.json"), tenant: tenant.to_owned() }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which file it is now. None: there is none.
    #[must_use]
    pub fn stamp(&self) -> Option<TokenStamp> {
        let metadata = fs::metadata(&self.path).ok()?;
        #[cfg(unix)]
        let file = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let file = 0;
        Some(TokenStamp { file, bytes: metadata.len(), written: metadata.modified().ok() })
    }

    /// No file is no tokens.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or another tenant's.
    pub fn read(&self) -> Result<Vec<TokenRecord>, TokensError> {
        let path = || self.path.display().to_string();
        let damaged = |reason: String| TokensError::Damaged { path: path(), reason };
        let length = match fs::metadata(&self.path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(TokensError::Io { path: path(), error }),
        };
        if length > FILE_BYTES_MAX {
            return Err(damaged(format!("it has {length} bytes, {FILE_BYTES_MAX} at most")));
        }
        let bytes = fs::read(&self.path).map_err(|error| TokensError::Io { path: path(), error })?;
        let Written { format, tenant, tokens } =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if !FORMATS.contains(&format) {
            return Err(damaged(format!("format {format}, this host knows {FORMATS:?}")));
        }
        if tenant != self.tenant {
            return Err(TokensError::OtherTenant {
                path: path(),
                found: tenant,
                wanted: self.tenant.clone(),
            });
        }
        Ok(tokens)
    }

    /// Makes a token, keeps its hash, and gives its text, which nobody can give again.
    ///
    /// # Errors
    /// The name is taken or none, or the file cannot be read or written.
    pub fn create(
        &self,
        name: &str,
        scopes: &[Scope],
        expires: Option<Instant>,
        now: Instant,
        said: TokenWord,
    ) -> Result<String, TokensError> {
        check_name(name)?;
        let mut scopes = scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(TokensError::NoScope);
        }
        let token = make_token().map_err(TokensError::Random)?;
        let sha256 = TokenHash::of(token.as_bytes());
        self.change(|tokens| {
            if tokens.iter().any(|held| held.name == name) {
                return Err(TokensError::Taken(name.to_owned()));
            }
            if tokens.len() >= TOKENS_MAX {
                return Err(TokensError::TooMany);
            }
            let name = name.to_owned();
            let (created, made_by) = (now, Some(said));
            let (revoked, revoked_by) = (None, None);
            tokens.push(TokenRecord { name, scopes, sha256, created, expires, revoked, made_by, revoked_by });
            Ok(())
        })?;
        Ok(token)
    }

    /// From now on it opens nothing. Its name stays, for what was done under it.
    ///
    /// # Errors
    /// There is no such token, or the file cannot be read or written.
    pub fn revoke(&self, name: &str, now: Instant, said: TokenWord) -> Result<(), TokensError> {
        self.change(|tokens| {
            let held = tokens.iter_mut().find(|held| held.name == name);
            let held = held.ok_or_else(|| TokensError::Unknown(name.to_owned()))?;
            if held.revoked.is_some() {
                return Err(TokensError::RevokedAlready(name.to_owned()));
            }
            held.revoked = Some(now);
            held.revoked_by = Some(said);
            Ok(())
        })
    }

    /// Under a lock, so that of two commands at once neither loses what the other did.
    fn change(
        &self,
        change: impl FnOnce(&mut Vec<TokenRecord>) -> Result<(), TokensError>,
    ) -> Result<(), TokensError> {
        let io = |error: io::Error| TokensError::Io { path: self.path.display().to_string(), error };
        let lock = private().create(true).truncate(false).open(self.path.with_extension("lock"));
        let lock = lock.map_err(io)?;
        lock.lock().map_err(io)?;
        let mut tokens = self.read()?;
        change(&mut tokens)?;
        let written = Written { format: FORMAT, tenant: self.tenant.clone(), tokens };
        let text = serde_json::to_vec_pretty(&written).map_err(|error| io(io::Error::other(error)))?;
        self.replace(&text).map_err(io)
    }

    /// The new file is durable before it takes the old one's place, and its place before this returns: what was revoked
    /// is not there again after a power cut.
    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = private().create(true).truncate(true).open(&new)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

/// Files that are for the host's user alone.
fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn check_name(name: &str) -> Result<(), TokensError> {
    let fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(fit);
    if fits && name != CONFIG_TOKEN { Ok(()) } else { Err(TokensError::Name(name.to_owned())) }
}

/// Whoever showed a token that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The token's name.
    pub name: String,
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// Whoever shows the configuration's token, or reads it.
    #[must_use]
    pub fn of_config() -> Caller {
        Caller { name: CONFIG_TOKEN.to_owned(), scopes: Scope::ALL.to_vec() }
    }

    pub(crate) fn may(&self, needs: &[Scope]) -> bool {
        needs.iter().any(|need| self.scopes.contains(need))
    }

    /// Who an act is said by: the token vouches, and names the person that its holder names. A token's name has no slash.
    #[must_use]
    pub fn said_by(&self, person: Option<&str>) -> String {
        match person {
            Some(person) => format!("{}/{person}", self.name),
            None => self.name.clone(),
        }
    }
}

/// What a running host holds callers against.
pub struct Tokens {
    config: Option<TokenHash>,
    file: Option<TokenFile>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    stamp: Option<TokenStamp>,
    tokens: Arc<[TokenRecord]>,
}

/// By which one file is known from the next in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenStamp {
    file: u64,
    bytes: u64,
    written: Option<SystemTime>,
}

impl Tokens {
    /// `config` is the token of the configuration, which has every scope.
    #[must_use]
    pub fn new(config: Option<&str>, file: Option<TokenFile>) -> Tokens {
        let config = config.filter(|token| !token.is_empty()).map(|token| TokenHash::of(token.as_bytes()));
        Tokens { config, file, seen: Mutex::default() }
    }

    /// Whose token this is. None: nobody's, or that of one whose time is over.
    #[must_use]
    pub fn caller(&self, shown: &[u8], now: Instant) -> Option<Caller> {
        let shown = TokenHash::of(shown);
        if self.config.as_ref().is_some_and(|config| config.is(&shown)) {
            return Some(Caller::of_config());
        }
        let tokens = self.current();
        let held = tokens.iter().find(|held| held.sha256.is(&shown))?;
        if held.is_over(now) {
            return None;
        }
        Some(Caller { name: held.name.clone(), scopes: held.scopes.clone() })
    }

    fn current(&self) -> Arc<[TokenRecord]> {
        let Some(file) = &self.file else { return Arc::default() };
        // Taken before it is read: a file that is replaced meanwhile has another stamp at the next request.
        let stamp = file.stamp();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.stamp != stamp {
            let read = file.read();
            if let Err(error) = &read {
                tracing::error!(%error, "the tokens cannot be read: they open nothing until they can");
            }
            *seen = Seen { stamp, tokens: read.unwrap_or_default().into() };
        }
        Arc::clone(&seen.tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word() -> TokenWord {
        TokenWord { by: "li".to_owned(), why: "for a test".to_owned() }
    }

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> (Place, TokenFile) {
            let place = Place(tempfile::tempdir().unwrap());
            let file = TokenFile::new(place.0.path(), "brand");
            (place, file)
        }
    }

    fn names(tokens: &Tokens, texts: &[&str], now: Instant) -> Vec<Option<String>> {
        texts.iter().map(|text| tokens.caller(text.as_bytes(), now).map(|caller| caller.name)).collect()
    }

    #[test]
    fn a_running_host_sees_what_is_made_and_revoked_at_the_next_request() {
        let (_place, file) = Place::new();
        let tokens = Tokens::new(Some("bootstrap"), Some(file.clone()));
        assert_eq!(names(&tokens, &["bootstrap", "", "x"], 5), [Some("config".to_owned()), None, None]);
        let one = file.create("one", &[Scope::Read, Scope::Read], None, 1, word()).unwrap();
        let two = file.create("two", &[Scope::Operate], Some(10), 2, word()).unwrap();
        assert_eq!(names(&tokens, &[&one, &two], 9), [Some("one".to_owned()), Some("two".to_owned())]);
        assert_eq!(tokens.caller(one.as_bytes(), 9).unwrap().scopes, [Scope::Read]);
        assert_eq!(names(&tokens, &[&one, &two], 10), [Some("one".to_owned()), None], "its time is over");
        file.revoke("one", 6, word()).unwrap();
        assert_eq!(names(&tokens, &[&one, &two], 9), [None, Some("two".to_owned())]);
    }

    #[test]
    fn the_file_has_no_token_in_it_and_is_the_users_alone() {
        let (place, file) = Place::new();
        let token = file.create("one", &[Scope::Read], None, 1, word()).unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        assert!(!text.contains(token.strip_prefix("heliu_").unwrap()), "{text}");
        #[cfg(unix)]
        for entry in fs::read_dir(place.0.path()).unwrap() {
            let metadata = entry.unwrap().metadata().unwrap();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077, 0);
        }
        assert!(!place.0.path().join("tokens.new").exists());
    }

    #[test]
    fn a_name_is_used_once() {
        let (_place, file) = Place::new();
        file.create("one", &[Scope::Read], None, 1, word()).unwrap();
        file.revoke("one", 2, word()).unwrap();
        let error = |result: Result<String, TokensError>| result.unwrap_err().to_string();
        assert!(error(file.create("one", &[Scope::Read], None, 3, word())).contains("keeps its name"));
        assert!(file.revoke("one", 4, word()).unwrap_err().to_string().contains("revoked already"));
        assert!(file.revoke("two", 4, word()).unwrap_err().to_string().contains("there is no token \"two\""));
        assert!(error(file.create("two", &[], None, 3, word())).contains("opens nothing"));
        for name in ["", "Li", "li/ming", "config", "a b", &"x".repeat(65)] {
            assert!(
                error(file.create(name, &[Scope::Read], None, 3, word())).contains("no name for a token"),
                "{name}"
            );
        }
        file.create(&"x".repeat(64), &[Scope::Read], None, 3, word()).unwrap();
    }

    #[test]
    fn a_file_that_is_damaged_or_anothers_opens_nothing() {
        let (place, file) = Place::new();
        let tokens = Tokens::new(Some("bootstrap"), Some(file.clone()));
        let one = file.create("one", &[Scope::Read], None, 1, word()).unwrap();
        let kept = fs::read_to_string(file.path()).unwrap();
        assert_eq!(names(&tokens, &[&one], 2), [Some("one".to_owned())]);
        for (text, words) in [
            (kept.replace("\"brand\"", "\"other\""), "the tokens of tenant \"other\""),
            (kept.replace("\"format\": 2", "\"format\": 3"), "format 3"),
            (kept.replace("\"read\"", "\"everything\""), "not a file of tokens"),
            (kept[..kept.len() / 2].to_owned(), "not a file of tokens"),
            (" ".repeat(usize::try_from(FILE_BYTES_MAX).unwrap() + 1), "bytes"),
        ] {
            fs::write(file.path(), text).unwrap();
            assert!(file.read().unwrap_err().to_string().contains(words), "{words}");
            assert_eq!(names(&tokens, &[&one, "bootstrap"], 2), [None, Some("config".to_owned())], "{words}");
            assert!(
                file.create("two", &[Scope::Read], None, 3, word()).is_err(),
                "{words}: nothing is overwritten"
            );
        }
        fs::write(file.path(), kept).unwrap();
        assert_eq!(names(&tokens, &[&one], 2), [Some("one".to_owned())]);
        drop(place);
    }

    #[test]
    fn of_commands_at_once_none_loses_what_another_did() {
        let (_place, file) = Place::new();
        std::thread::scope(|scope| {
            for number in 0..16 {
                let file = &file;
                scope.spawn(move || {
                    file.create(&format!("t-{number}"), &[Scope::Read], None, 1, word()).unwrap()
                });
            }
        });
        assert_eq!(file.read().unwrap().len(), 16);
    }

    #[test]
    fn a_file_of_a_host_that_asked_nobody_is_read_and_says_so_of_each() {
        let (_place, file) = Place::new();
        let one = file.create("one", &[Scope::Read], None, 1, word()).unwrap();
        let told = |of: &str| {
            format!(
                ",\n      \"{of}\": {{\n        \"by\": \"li\",\n        \"why\": \"for a test\"\n      }}"
            )
        };
        let text = fs::read_to_string(file.path()).unwrap();
        let older = text.replace(&told("made_by"), "").replace(",\n      \"revoked_by\": null", "");
        let older = older.replace("\"format\": 2", "\"format\": 1");
        assert!(!older.contains("made_by") && !older.contains("revoked_by"), "{older}");
        fs::write(file.path(), older).unwrap();
        assert_eq!(file.read().unwrap()[0].made_by, None);
        let tokens = Tokens::new(None, Some(file.clone()));
        assert_eq!(names(&tokens, &[&one], 2), [Some("one".to_owned())]);
        file.revoke("one", 3, word()).unwrap();
        assert_eq!(file.read().unwrap()[0].revoked_by, Some(word()));
    }
}
