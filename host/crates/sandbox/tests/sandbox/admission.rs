//! Files that must not become plugins.

use sandbox::{Grants, Limits, LoadErrorKind, Plugin, Sandbox, SandboxConfig};

use crate::guest::{admit, compiler, policy, policy_with, sandbox, webhook};

const ANSWER: &str = "(call $answer)";
const LOG: &str = r#"(import "heliu:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))"#;
const VERDICTS: &str = "(call $verdicts (local.get $count))";

fn refusal(component: &[u8]) -> LoadErrorKind {
    match admit(Limits::default(), component) {
        Ok(_) => panic!("admitted"),
        Err(error) => error.kind,
    }
}

#[test]
fn an_inspection_says_what_it_is() {
    let inspection = sandbox(Limits::default()).inspect(&webhook(LOG, ANSWER)).unwrap();
    assert!(matches!(inspection.plugin, Plugin::Connector(_)));
    assert!(inspection.imports.contains(&"heliu:plugin/log@0.1.0".to_owned()), "{:?}", inspection.imports);
    assert!(
        inspection.exports.contains(&"heliu:plugin/webhook@0.1.0".to_owned()),
        "{:?}",
        inspection.exports
    );
}

#[test]
fn exports_must_be_the_contracts() {
    let text = r#"(component (instance $empty) (export "heliu:plugin/policy@0.1.0" (instance $empty)))"#;
    let kind = refusal(&wat::parse_str(text).unwrap());
    assert!(matches!(kind, LoadErrorKind::Contract { interface: "heliu:plugin/policy@0.1.0", .. }), "{kind}");
}

#[test]
fn what_does_not_fit_the_pool_is_refused_with_its_size() {
    let limits = Limits { policy_memory_bytes: 1 << 16, ..Limits::default() };
    let Err(error) = admit(limits, &policy(VERDICTS)) else { panic!("admitted") };
    assert!(error.to_string().contains("policy_memory_bytes"), "{error}");
    let wide = policy_with("(table 100001 funcref)", VERDICTS);
    assert!(refusal(&wide).to_string().contains("table_elements"));
    assert!(admit(Limits::default(), &policy_with("(table 100000 funcref)", VERDICTS)).is_ok());
}

#[test]
fn a_damaged_file_never_panics_the_gate() {
    let whole = webhook(LOG, ANSWER);
    let sandbox = sandbox(Limits { describe_cpu: std::time::Duration::from_millis(50), ..Limits::default() });
    // Every section boundary and many bytes between them; the same ones on every run.
    for at in (0..whole.len()).step_by(97) {
        // Cut between two sections it may be a plugin that describes itself, and has lost the rest.
        if let Ok(plugin) = sandbox.admit(&whole[..at], &Grants::all()) {
            let Plugin::Connector(connector) = plugin else { panic!("a policy, cut at {at}") };
            assert!(!connector.offers().webhook, "cut at {at}");
        }
        let mut flipped = whole.clone();
        flipped[at] ^= 0x40;
        drop(sandbox.admit(&flipped, &Grants::all()));
    }
}

#[test]
fn compiled_code_is_kept_and_a_spoilt_entry_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let component = policy(VERDICTS);
    let admit = || {
        let limits = Limits { connector_calls: 1, policy_calls: 1, ..Limits::default() };
        let config =
            SandboxConfig { limits, compiler: compiler(), cache_dir: Some(folder.path().to_owned()) };
        Sandbox::new(config).unwrap().admit(&component, &Grants::none()).map(|plugin| plugin.digest())
    };
    let first = admit().unwrap();
    let entry = || {
        let mut entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.find(|path| path.extension().is_some_and(|extension| extension == "code")).unwrap()
    };
    let good = std::fs::read(entry()).unwrap();
    let mut spoilt = good.clone();
    spoilt[good.len() / 2] ^= 1;
    std::fs::write(entry(), &spoilt).unwrap();
    assert_eq!(admit().unwrap(), first);
    assert_eq!(std::fs::read(entry()).unwrap().len(), good.len());
    assert_ne!(std::fs::read(entry()).unwrap(), spoilt);
}
