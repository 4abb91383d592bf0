//! Signed plugins: a signer that none of us wrote vouches for them, and the host runs nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tests::Host;
use tests::host::{TOKEN, cli, cli_json, plugin};

use super::ask;

/// A folder with the policies `recency` and `behaviour-tags`, of which one is bound.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        for name in ["recency", "behaviour-tags"] {
            fs::copy(plugin(name).unwrap(), folder.path().join(format!("{name}.wasm"))).unwrap();
        }
        Place { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Has a new key sign these; gives the key.
    async fn sign(&self, names: &[&str]) -> String {
        let files: Vec<_> = names.iter().map(|name| self.file(name)).collect();
        let signed = ask("minisign.py", &json!({ "files": files, "comment": "晴 1.0" })).await;
        signed["key"].as_str().unwrap().to_owned()
    }

    fn bind(&self, policy: &str, key: &str) -> PathBuf {
        let settings = if policy == "recency" { "" } else { "[policy.settings]\nrules = []\n" };
        let text = format!(
            "listen = \"127.0.0.1:0\"\nclock = \"manual\"\n[api]\ntoken = \"{TOKEN}\"\n\
             [plugins]\nrequire_signature = true\nkeys = [{{ name = \"peer\", key = \"{key}\" }}]\n\
             [[policy]]\nname = \"{policy}\"\nplugin = \"{policy}.wasm\"\n{settings}"
        );
        let config = self.file("heliu.toml");
        fs::write(&config, text).unwrap();
        config
    }
}

/// Why a host does not start.
fn refusal(config: &Path) -> String {
    let output = cli(config, &["serve"]).unwrap();
    assert!(!output.status.success(), "it started");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_signed_runs_and_nothing_else() {
    let place = Place::new();
    let key = place.sign(&["recency.wasm"]).await;
    let config = place.bind("recency", &key);
    let host = Host::start(&config).await.unwrap();
    assert_eq!(host.get("customers").await.unwrap()["customers"], json!([]));
    host.stop().await.unwrap();

    let refused = refusal(&place.bind("behaviour-tags", &key));
    assert!(refused.contains("policy \"behaviour-tags\"") && refused.contains("there is no"), "{refused}");

    // Another's signature, and one of ours that was of another file.
    place.sign(&["behaviour-tags.wasm"]).await;
    let refused = refusal(&config);
    assert!(refused.contains("which is none of [plugins] keys"), "{refused}");
    fs::copy(place.file("recency.wasm.minisig"), place.file("behaviour-tags.wasm.minisig")).unwrap();
    let refused = refusal(&config);
    assert!(refused.contains("by \"peer\"") && refused.contains("of another file"), "{refused}");

    // One byte that nobody would miss.
    place.bind("recency", &key);
    let mut bytes = fs::read(place.file("recency.wasm")).unwrap();
    bytes.extend_from_slice(&[0, 2, 1, b'x']);
    fs::write(place.file("recency.wasm"), bytes).unwrap();
    let refused = refusal(&config);
    assert!(refused.contains("changed after it was signed"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspection_tells_who_signed() {
    let place = Place::new();
    let key = place.sign(&["recency.wasm"]).await;
    let config = place.bind("recency", &key);
    let file = place.file("recency.wasm");
    let inspect = ["plugin", "inspect", file.to_str().unwrap()];
    let signature = cli_json(&config, &inspect).unwrap()["signature"].clone();
    assert_eq!((&signature["state"], &signature["by"]), (&json!("signed"), &json!("peer")));
    assert_eq!(signature["comment"], json!("晴 1.0"));

    // Without a configuration the key has a number and no name.
    let nowhere = place.file("nowhere.toml");
    let signature = cli_json(&nowhere, &inspect).unwrap()["signature"].clone();
    assert_eq!(signature["state"], json!("unknown-key"));
    fs::remove_file(place.file("recency.wasm.minisig")).unwrap();
    assert_eq!(cli_json(&config, &inspect).unwrap()["signature"]["state"], json!("none"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_same_number_is_not_the_same_key() {
    let place = Place::new();
    let files = [place.file("recency.wasm")];
    let question = json!({ "files": files, "comment": "one", "key_id": "0102030405060708" });
    let one = ask("minisign.py", &question).await["key"].as_str().unwrap().to_owned();
    ask("minisign.py", &question).await;
    let refused = refusal(&place.bind("recency", &one));
    assert!(refused.contains("of another file, or the component was changed"), "{refused}");
}
