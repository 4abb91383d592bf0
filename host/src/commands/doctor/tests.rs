//! Every finding that can be provoked without plugins; those of plugins and of a running host are provoked end to end.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use api::{Scope, TokenFile, TokenWord};
use journal::{Batch, Records as _};
use model::{Entry, Setup};

use super::finding::Finding;
use super::*;

const DAY_MS: u64 = 86_400_000;

struct Patient(tempfile::TempDir);

impl Patient {
    /// In good health but for what a machine of tests cannot help.
    fn new() -> Patient {
        let patient = Patient(tempfile::tempdir().unwrap());
        std::fs::create_dir(patient.path("data")).unwrap();
        patient.mode("data", 0o700);
        patient
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn mode(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn config(&self, text: &str) -> Config {
        std::fs::write(self.path("heliu.toml"), text).unwrap();
        config::load(&self.path("heliu.toml")).unwrap()
    }

    fn tokens(&self) -> TokenFile {
        TokenFile::new(&self.path("data"), "default")
    }

    /// A certificate that holds from so many days from now on until so many.
    fn certificate(&self, from_days: i64, until_days: i64) {
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let now = std::time::SystemTime::now();
        let day = |days: i64| {
            let distance = std::time::Duration::from_millis(days.unsigned_abs() * DAY_MS + 3_600_000);
            if days < 0 { now - distance } else { now + distance }.into()
        };
        (parameters.not_before, parameters.not_after) = (day(from_days), day(until_days));
        let key = rcgen::KeyPair::generate().unwrap();
        std::fs::write(self.path("a.crt"), parameters.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(self.path("a.key"), key.serialize_pem()).unwrap();
        self.mode("a.key", 0o600);
    }

    fn journal(&self, config: &Config, tenant: &str, now: u64) {
        let data = heliu::wiring::Data::open(config).unwrap();
        let setup = Setup { tenant: tenant.to_owned(), ..Setup::default() };
        data.journal
            .append(&[Batch { now, entries: vec![Entry::Setup(setup)], ..Batch::default() }])
            .unwrap();
    }
}

fn examined(look: impl FnOnce(&mut Findings)) -> Findings {
    let mut findings = Findings::default();
    look(&mut findings);
    findings
}

#[track_caller]
fn found<'a>(findings: &'a Findings, rank: Rank, words: &str) -> &'a Finding {
    let found = findings.all().iter().find(|finding| finding.rank == rank && finding.what.contains(words));
    let found = found.unwrap_or_else(|| panic!("no {rank:?} with {words:?} in {:#?}", findings.all()));
    assert_eq!(found.mend.is_some(), rank != Rank::Good, "{found:?}");
    found
}

#[track_caller]
fn all_good(findings: &Findings) {
    assert_eq!(findings.worst(), Rank::Good, "{:#?}", findings.all());
    assert!(!findings.all().is_empty());
}

#[test]
fn tokens_that_may_be_guessed_that_end_or_that_are_missing() {
    let patient = Patient::new();
    let tokens = |text: &str, now: u64| {
        let config = patient.config(text);
        examined(|findings| doors::tokens(&config, now, findings))
    };
    found(&tokens("", 5), Rank::Look, "nobody may use the API");
    found(&tokens("[api]\ntoken = \"hunter2\"", 5), Rank::Bad, "has 7 letters, fewer than 32");
    let same = "ab".repeat(16);
    found(&tokens(&format!("[api]\ntoken = \"{same}\""), 5), Rank::Bad, "2 different letters");
    let random = "0123456789abcdef".repeat(2);
    all_good(&tokens(&format!("[api]\ntoken = \"{random}\""), 5));
    let word = TokenWord { by: "li".to_owned(), why: "for a test".to_owned() };
    patient.tokens().create("one", &[Scope::Read], Some(100 * DAY_MS), 5, word).unwrap();
    all_good(&tokens("", 85 * DAY_MS));
    found(&tokens("", 86 * DAY_MS), Rank::Look, "\"one\" ends in 14 days");
    found(&tokens("", 100 * DAY_MS), Rank::Look, "nobody may use the API");
    patient.mode("data/tokens.json", 0o644);
    found(&tokens("", 5), Rank::Look, "is open to other users");
    std::fs::write(patient.path("data/tokens.json"), "{").unwrap();
    found(&tokens("", 5), Rank::Bad, "not a file of tokens");
}

#[test]
fn certificates_that_end_or_do_not_hold_and_doors_in_the_clear() {
    let patient = Patient::new();
    let tls = "[tls]\ncert = \"a.crt\"\nkey = \"a.key\"";
    let certificates = |text: &str| {
        let config = patient.config(text);
        examined(|findings| doors::certificates(&config, heliu::wiring::system_now(), findings))
    };
    patient.certificate(-1, 15);
    all_good(&certificates(tls));
    patient.certificate(-1, 13);
    found(&certificates(tls), Rank::Look, "ends in 13 days");
    patient.certificate(-9, -2);
    found(&certificates(tls), Rank::Bad, "ended 2 days ago");
    patient.certificate(2, 30);
    found(&certificates(tls), Rank::Bad, "does not hold yet");
    patient.certificate(-1, 30);
    patient.mode("a.key", 0o640);
    found(&certificates(tls), Rank::Look, "the key is open to other users");
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(patient.path("a.key"), key.serialize_pem()).unwrap();
    found(&certificates(tls), Rank::Bad, "[tls]: ");
    std::fs::write(patient.path("a.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    found(&certificates(tls), Rank::Bad, "no certificate of X.509");
    found(&certificates("listen = \"0.0.0.0:1\""), Rank::Look, "tokens come to 0.0.0.0:1 in the clear");
    assert!(certificates("listen = \"127.0.0.1:1\"").all().is_empty());
}

#[test]
fn a_disk_that_cannot_be_written_and_a_folder_that_is_open() {
    let patient = Patient::new();
    let disk = |text: &str| {
        let config = patient.config(text);
        examined(|findings| disk::examine(&config, findings))
    };
    found(&disk(""), Rank::Good, "may be written");
    found(&disk(""), Rank::Good, "MiB are free");
    assert_eq!(std::fs::read_dir(patient.path("data")).unwrap().count(), 0, "what it wrote is gone");
    patient.mode("data", 0o755);
    found(&disk(""), Rank::Look, "is open to other users");
    found(&disk("data = \"new\""), Rank::Good, "is not there yet");
    assert!(!patient.path("new").exists());
    found(&disk("data = \"/proc/none\""), Rank::Bad, "cannot be made in /proc");
}

#[test]
fn data_of_another_tenant_ahead_of_the_clock_or_damaged() {
    let patient = Patient::new();
    let config = patient.config("");
    let looked = |config: &Config, now: u64| examined(|findings| drop(data::examine(config, now, findings)));
    let now = 1_800_000_000_000;
    all_good(&looked(&config, now));
    patient.journal(&config, "default", now);
    all_good(&looked(&config, now));
    all_good(&looked(&config, now - 60_000));
    found(&looked(&config, now - 60_001), Rank::Bad, "the journal's time is 60 s before the machine's clock");
    found(&looked(&config, 5), Rank::Bad, "before 2024");
    let other = patient.config("tenant = \"other\"");
    let told = looked(&other, now);
    found(&told, Rank::Bad, "is tenant \"default\"'s, and this is the configuration of tenant \"other\"");
    let config = patient.config("");
    {
        let (_data, _lock) = heliu::wiring::Data::open_alone(&config).unwrap();
        found(&looked(&config, now), Rank::Look, "has not begun to listen");
    }
    std::fs::write(patient.path("data/store.db"), vec![7; 8192]).unwrap();
    assert_eq!(looked(&config, now).worst(), Rank::Bad);
}

#[test]
fn a_host_that_holds_the_folder_and_does_not_answer() {
    let patient = Patient::new();
    let config = patient.config("");
    patient.journal(&config, "default", 1);
    let (_data, lock) = heliu::wiring::Data::open_alone(&config).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    lock.announce(listener.local_addr().unwrap()).unwrap();
    let looked = || examined(|findings| drop(data::examine(&config, heliu::wiring::system_now(), findings)));
    found(&looked(), Rank::Good, "a host works on it, and listens on 127.0.0.1");
    drop(listener);
    found(&looked(), Rank::Bad, "does not answer at 127.0.0.1");
}

#[tokio::test]
async fn plugins_that_are_none_and_hosts_that_are_not_reached() {
    let patient = Patient::new();
    std::fs::write(patient.path("a.wasm"), "nothing").unwrap();
    let config = patient.config(
        "[[connection]]\nname = \"one\"\nplugin = \"a.wasm\"\n[[policy]]\nname = \"two\"\nplugin = \"a.wasm\"\n",
    );
    let mut findings = Findings::default();
    plugins::examine(&config, None, &mut findings).await;
    found(&findings, Rank::Bad, "connection \"one\": ");
    found(&findings, Rank::Bad, "policy \"two\": ");
    std::fs::remove_file(patient.path("a.wasm")).unwrap();
    let mut findings = Findings::default();
    plugins::examine(&config, None, &mut findings).await;
    found(&findings, Rank::Bad, "a.wasm: No such file");
}

#[tokio::test]
async fn the_worst_finding_is_the_exit_code() {
    let patient = Patient::new();
    let run = async |text: &str| {
        std::fs::write(patient.path("heliu.toml"), text).unwrap();
        let mut out = Vec::new();
        let code = super::run(&patient.path("heliu.toml"), true, &mut out).await.unwrap();
        (format!("{code:?}"), serde_json::from_slice::<serde_json::Value>(&out).unwrap())
    };
    let same = |one: &str, code: u8| assert_eq!(one, format!("{:?}", ExitCode::from(code)));
    let (code, told) = run("dat = 5").await;
    same(&code, 2);
    assert_eq!((&told["rank"], &told["findings"][0]["area"]), (&"bad".into(), &"configuration".into()));
    let random = "0123456789abcdef".repeat(2);
    let (code, told) =
        run(&format!("clock = \"manual\"\n[log]\nplugin_text = true\n[api]\ntoken = \"{random}\"")).await;
    same(&code, 1);
    let whats: Vec<&str> =
        told["findings"].as_array().unwrap().iter().filter_map(|finding| finding["what"].as_str()).collect();
    for words in ["time stands still", "plugin_text is on", "there is no connection"] {
        assert!(whats.iter().any(|what| what.contains(words)), "{words}: {told}");
    }
    let (code, told) = run("[log]\nlevel = \"a=b=c\"").await;
    same(&code, 2);
    assert!(told.to_string().contains("[log] key \\\"level\\\""), "{told}");
}
