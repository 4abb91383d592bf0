//! Peers that none of us wrote: public libraries in the place of the platforms.
//!
//! Our simulators and our connectors were written from the same pages; a page misread twice looks right. So
//! `wechatpy` (PyPI) and `@wecom/crypto` (npm) seal what the host opens and open what we seal, and `py-taobao-open` (PyPI)
//! signs what our simulator of TOP judges. `pycryptodome` signs plugins.
//!
//! They are installed by `cargo xtask test peers` at the versions that stand in `tests/peers/`. Where they are not
//! there, these tests fail and say so.

mod minisign;
mod top;
mod wecom;

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tests::host::workspace;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

fn installed() -> PathBuf {
    let folder = workspace().join("target/peers");
    // Written last: what is half there is not there.
    let is_whole = folder.join("installed").exists();
    assert!(
        is_whole,
        "{} is not installed: run `cargo xtask test peers`, with python3 and node",
        folder.display()
    );
    folder
}

/// Runs a script of `tests/peers/` with this question, and gives its answer.
async fn ask(script: &str, question: &Value) -> Value {
    let (folder, script) = (installed(), workspace().join("tests/peers").join(script));
    let mut command = if script.extension().is_some_and(|extension| extension == "js") {
        Command::new("node")
    } else {
        Command::new(folder.join("venv/bin/python"))
    };
    let mut child = command
        .arg(&script)
        .env("NODE_PATH", folder.join("node/node_modules"))
        .env("PYTHONUTF8", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(question.to_string().as_bytes()).await.unwrap();
    drop(input);
    let output = child.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {}: {complaint}", script.display(), output.status);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{}: {error}: {said}", script.display()))
}
