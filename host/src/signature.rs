//! Whether somebody whom the operator knows has signed a component.
//!
//! The signature is minisign's, in a file of its own beside the component. Bytes that were read once are looked at here
//! and admitted later: a file that changes in between changes nothing.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use config::{PluginKey, Plugins};
use minisign_verify::{Error, Signature};

/// What minisign itself puts behind the name of a file that it signs.
const ENDING: &str = "minisig";
/// A signature is four lines. A file that is larger is none.
const SIGNATURE_BYTES_MAX: u64 = 16 << 10;

/// What the signature beside a component is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vouched {
    /// One of the keys made it, over these very bytes. The comment is the signer's own, and signed with them.
    By { name: String, key_id: String, comment: String },
    /// There is no file of this name.
    Not { place: PathBuf },
    /// It is a signature by a key that nobody configured.
    ByStranger { place: PathBuf, key_id: String },
    /// A key of this name signed something, and not these bytes.
    ForOther { place: PathBuf, name: String, key_id: String },
    /// It is not a signature, or not one that is taken.
    Unclear { place: PathBuf, reason: String },
}

impl fmt::Display for Vouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Vouched::By { name, key_id, comment } => write!(f, "by \"{name}\" (key {key_id}): {comment}"),
            Vouched::Not { place } => write!(f, "none: there is no {}", place.display()),
            Vouched::ByStranger { place, key_id } => {
                write!(f, "{}: by key {key_id}, which is none of [plugins] keys", place.display())
            }
            Vouched::ForOther { place, name, key_id } => write!(
                f,
                "{}: by \"{name}\" (key {key_id}) of another file, or the component was changed after it was signed",
                place.display()
            ),
            Vouched::Unclear { place, reason } => write!(f, "{}: {reason}", place.display()),
        }
    }
}

/// Reads a component. Where signatures are required, only one that is signed.
pub fn read_component(path: &Path, plugins: &Plugins) -> anyhow::Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| format!("read the plugin {}", path.display()))?;
    if plugins.require_signature {
        let vouched = vouched(path, &bytes, &plugins.keys);
        let Vouched::By { name, key_id, comment } = &vouched else {
            bail!(
                "{}: not signed as `require_signature` demands: {vouched}; sign it with `minisign -S -m {}`, or take \
                 the file that its author signed",
                path.display(),
                path.display()
            );
        };
        tracing::info!(path = %path.display(), key = name, key_id, comment, "a component is signed");
    }
    Ok(bytes)
}

/// Looks at the signature beside a component.
pub fn vouched(path: &Path, bytes: &[u8], keys: &[PluginKey]) -> Vouched {
    let mut place = path.as_os_str().to_owned();
    place.push(".");
    place.push(ENDING);
    let place = PathBuf::from(place);
    let text = match read_short(&place) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vouched::Not { place },
        Err(error) => return Vouched::Unclear { place, reason: error.to_string() },
    };
    judge(place, &text, bytes, keys)
}

fn read_short(path: &Path) -> io::Result<String> {
    use io::Read as _;
    let mut text = String::new();
    fs::File::open(path)?.take(SIGNATURE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn judge(place: PathBuf, text: &str, bytes: &[u8], keys: &[PluginKey]) -> Vouched {
    let (signature, key_id) = match (Signature::decode(text), key_id(text)) {
        (Ok(signature), Some(key_id)) => (signature, key_id),
        (Err(error), _) => {
            return Vouched::Unclear { place, reason: format!("no signature of minisign: {error}") };
        }
        (Ok(_), None) => return Vouched::Unclear { place, reason: "no signature of minisign".to_owned() },
    };
    let mut for_other = None;
    for PluginKey { name, key } in keys {
        match key.verify(bytes, &signature, false) {
            Ok(()) => {
                let comment = printable(signature.trusted_comment());
                return Vouched::By { name: name.clone(), key_id, comment };
            }
            Err(Error::UnexpectedKeyId) => {}
            Err(Error::InvalidSignature) => for_other = Some(name.clone()),
            Err(Error::UnexpectedAlgorithm | Error::UnsupportedAlgorithm | Error::UnsupportedLegacyMode) => {
                let reason = "signed in minisign's old way, over the file itself: sign it again with minisign 0.10 or \
                              later, without -l";
                return Vouched::Unclear { place, reason: reason.to_owned() };
            }
            Err(error @ (Error::InvalidEncoding | Error::IoError(_))) => {
                return Vouched::Unclear { place, reason: error.to_string() };
            }
        }
    }
    match for_other {
        Some(name) => Vouched::ForOther { place, name, key_id },
        None => Vouched::ByStranger { place, key_id },
    }
}

/// As minisign shows it: behind two letters for the algorithm, as a number whose lowest byte is first.
fn key_id(signature: &str) -> Option<String> {
    let bytes = BASE64.decode(signature.lines().nth(1)?).ok()?;
    let id: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
    Some(format!("{:X}", u64::from_le_bytes(id)))
}

fn printable(comment: &str) -> String {
    comment.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything here was made by minisign 0.11 itself.
    const COMPONENT: &[u8] = b"a component, as far as a signature is concerned\n";
    const KEY: &str = "RWR5fjTKAyhpBZw3i7WHWz6vorJ9EZGpISn36fi8FSZLgLjQEEkiTQ75";
    const OTHER_KEY: &str = "RWRyftzCTer8wJdwaSHWfAD+HR/iD8wAh127+tUNd1FaQgYxujf/ziHy";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
        RUR5fjTKAyhpBVCUF/u1ETaZNM3KkKJJhVPWLaB4GbSeNI2db2f/MTovt3+22mR/NN0JnrVaLCxdSdFcg3nNxKgaWViHUUpWVAM=\n\
        trusted comment: repurchase 1.4.2\n\
        AZ6Nh6apYC3NQUD/NC9jefLzzyEXILoQPW9kUwJxtofSHnPkW2bcdf7FhoPIhtjf3hevoZslYq03BsuQoy5PCg==\n";
    /// `minisign -S -l`.
    const LEGACY: &str = "untrusted comment: signature from minisign secret key\n\
        RWR5fjTKAyhpBTW0RRmxuGAgZ/EYivDDT2hl5544tBbX1Ri/oPc2HYRhgEG9PH7p0fvOGX5Uv1vwFBpmj0VH6SvYW+xc6hzbEwE=\n\
        trusted comment: old\n\
        LRFKYkEZiMFtWERicu9UpRHytKJDkpPTIfGyqVEcmBIQ4S2XrbMmcTEPBKg6H0dSbf5HLYXUAZBy6a4ltkPQBQ==\n";

    fn key(name: &str, key: &str) -> PluginKey {
        PluginKey { name: name.to_owned(), key: minisign_verify::PublicKey::from_base64(key).unwrap() }
    }

    fn judged(text: &str, bytes: &[u8], keys: &[PluginKey]) -> Vouched {
        judge(PathBuf::from("x.wasm.minisig"), text, bytes, keys)
    }

    #[test]
    fn what_minisign_signed_is_signed_by_the_key_of_that_name() {
        let keys = [key("other", OTHER_KEY), key("author", KEY)];
        let by = Vouched::By {
            name: "author".to_owned(),
            key_id: "5692803CA347E79".to_owned(),
            comment: "repurchase 1.4.2".to_owned(),
        };
        assert_eq!(judged(SIGNATURE, COMPONENT, &keys), by);
    }

    #[test]
    fn one_changed_byte_anywhere_is_refused() {
        let keys = [key("author", KEY)];
        for at in 0..COMPONENT.len() {
            let mut changed = COMPONENT.to_vec();
            changed[at] ^= 1;
            let vouched = judged(SIGNATURE, &changed, &keys);
            assert!(
                matches!(&vouched, Vouched::ForOther { name, .. } if name == "author"),
                "{at}: {vouched}"
            );
        }
        let longer = [COMPONENT, b"\0"].concat();
        assert!(matches!(judged(SIGNATURE, &longer, &keys), Vouched::ForOther { .. }));
        // The comment is signed, too; the line above the signature is not.
        let comment = SIGNATURE.replace("1.4.2", "1.4.3");
        assert!(matches!(judged(&comment, COMPONENT, &keys), Vouched::ForOther { .. }));
        let untrusted = SIGNATURE.replace("signature from", "a word about");
        assert!(matches!(judged(&untrusted, COMPONENT, &keys), Vouched::By { .. }));
    }

    #[test]
    fn every_letter_of_a_signature_counts() {
        let keys = [key("author", KEY)];
        let second = SIGNATURE.lines().nth(1).unwrap();
        let begins = SIGNATURE.find(second).unwrap();
        // The last letter before the padding has bits that say nothing, and must be refused all the same or be the same.
        for at in begins..begins + second.len() {
            let mut changed = SIGNATURE.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(changed).unwrap();
            assert!(!matches!(judged(&text, COMPONENT, &keys), Vouched::By { .. }), "{at}");
        }
    }

    #[test]
    fn a_strangers_signature_is_named_by_its_key() {
        for keys in [vec![], vec![key("other", OTHER_KEY)]] {
            let vouched = judged(SIGNATURE, COMPONENT, &keys);
            assert!(
                matches!(&vouched, Vouched::ByStranger { key_id, .. } if key_id == "5692803CA347E79"),
                "{vouched}"
            );
        }
    }

    #[test]
    fn an_old_signature_and_what_is_none_say_so() {
        let keys = [key("author", KEY)];
        let reason = |text: &str| match judged(text, COMPONENT, &keys) {
            Vouched::Unclear { reason, .. } => reason,
            other => panic!("{other}"),
        };
        assert!(reason(LEGACY).contains("without -l"));
        assert!(reason("").contains("no signature of minisign"));
        assert!(reason("a\nb\nc\nd\n").contains("no signature of minisign"));
        assert!(reason(&SIGNATURE[..SIGNATURE.len() / 2]).contains("no signature of minisign"));
    }

    #[test]
    fn a_component_is_read_only_if_it_is_signed_where_that_is_required() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.wasm");
        fs::write(&path, COMPONENT).unwrap();
        let mut plugins = Plugins { require_signature: false, keys: vec![key("author", KEY)] };
        assert_eq!(read_component(&path, &plugins).unwrap(), COMPONENT);
        plugins.require_signature = true;
        let refused = read_component(&path, &plugins).unwrap_err().to_string();
        assert!(refused.contains("x.wasm.minisig") && refused.contains("minisign -S -m"), "{refused}");
        fs::write(folder.path().join("x.wasm.minisig"), SIGNATURE).unwrap();
        assert_eq!(read_component(&path, &plugins).unwrap(), COMPONENT);
        fs::write(&path, b"something else").unwrap();
        let refused = read_component(&path, &plugins).unwrap_err().to_string();
        assert!(refused.contains("changed after it was signed"), "{refused}");
    }
}
