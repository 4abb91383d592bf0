//! `heliu journal`: out and in again, whole, twice, in part, elsewhere, damaged.

use journal::Records as _;
use model::{DerivedEvent, Entry, Fact, Trait, Value};

use super::{DAY_MS, Host, MARCH, event, said, setup};

/// The export of a host as a file in a folder of its own.
struct Exported {
    folder: tempfile::TempDir,
}

impl Exported {
    fn of(text: &str) -> Exported {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("journal.ndjson"), text).unwrap();
        Exported { folder }
    }

    fn path(&self) -> String {
        self.folder.path().join("journal.ndjson").display().to_string()
    }

    fn import(&self, host: &Host) -> anyhow::Result<serde_json::Value> {
        let told = host.journal(&["import", &self.path(), "--json"])?;
        Ok(serde_json::from_str(&told).unwrap())
    }
}

fn counts(told: &serde_json::Value) -> [u64; 5] {
    ["records", "appended", "known", "left_out", "later"].map(|key| told[key].as_u64().unwrap())
}

fn positions_and_sources(host: &Host) -> Vec<(u64, String)> {
    let records = host.journal.read(0, 100).unwrap();
    let source = |entry: &Entry| entry.source().map_or("setup".to_owned(), |(_, id)| id.to_owned());
    records.iter().map(|record| (record.position, source(&record.entry))).collect()
}

#[test]
fn a_whole_export_into_an_empty_journal_gives_the_same_state() {
    let host = Host::lived();
    let text = host.journal(&["export"]).unwrap();
    assert_eq!(text.lines().count(), 7, "one record in a line, whatever JSON it holds:\n{text}");
    let copy = Host::empty();
    assert_eq!(counts(&Exported::of(&text).import(&copy).unwrap()), [7, 7, 0, 0, 0]);
    copy.fold(MARCH + 70 * DAY_MS);
    assert_eq!(copy.journal.head().unwrap().position, 7, "the fold finds what was derived");
    assert_eq!(copy.journal(&["export"]).unwrap(), text);
    assert_eq!(copy.digest(), host.digest());
}

#[test]
fn an_import_that_is_repeated_changes_nothing() {
    let host = Host::lived();
    let before = host.journal(&["export"]).unwrap();
    let told = Exported::of(&before).import(&host).unwrap();
    assert_eq!(counts(&told)[..3], [7, 0, 7]);
    assert_eq!(host.journal(&["export"]).unwrap(), before);
}

#[test]
fn an_export_goes_on_where_the_last_one_ended() {
    let host = Host::lived();
    let first = host.journal(&["export"]).unwrap().lines().take(5).collect::<Vec<_>>().join("\n");
    let second = host.journal(&["export", "--after", "5"]).unwrap();
    let copy = Host::empty();
    assert_eq!(counts(&Exported::of(&first).import(&copy).unwrap()), [5, 5, 0, 0, 0]);
    assert_eq!(counts(&Exported::of(&second).import(&copy).unwrap()), [2, 2, 0, 0, 0]);
    assert_eq!(copy.journal(&["export"]).unwrap(), host.journal(&["export"]).unwrap());
}

#[test]
fn into_another_journal_everything_but_what_is_derived_moves() {
    let host = Host::lived();
    let file = Exported::of(&host.journal(&["export"]).unwrap());
    let other = Host::empty();
    other.append(MARCH + 3 * DAY_MS, vec![event("x1", 3, said("hello")), event("x2", 3, said("again"))]);
    assert_eq!(counts(&file.import(&other).unwrap()), [7, 6, 0, 1, 6]);
    let ids = ["x1", "x2", "setup", "e1", "e2", "e3", "e4", "e5"];
    let told: Vec<(u64, String)> = (1..).zip(ids.map(str::to_owned)).collect();
    assert_eq!(positions_and_sources(&other)[..8], told);
    // Who did it, and why, stands behind it.
    let last = other.journal(&["tail", "-n", "1"]).unwrap();
    let words = "config/li did: import of journal: 7 records, 6 of them new: a copy for the office";
    assert!(last.contains(words), "{last}");
    other.fold(MARCH + 80 * DAY_MS);
    let records = other.journal.read(9, 10).unwrap();
    let Entry::Derived(DerivedEvent { binding: _, cause, again: _, event: _ }) = &records[0].entry else {
        panic!("{records:?}")
    };
    assert_eq!(*cause, 8, "the fold tells it again, from where its cause stands now");
    // Once more: nothing is new, the setup neither.
    assert_eq!(counts(&file.import(&other).unwrap())[..3], [7, 0, 6]);
}

#[test]
fn a_setup_at_the_end_is_new_unless_it_is_in_force() {
    let host = Host::empty();
    host.append(MARCH, vec![Entry::Setup(setup()), event("e1", 1, said("a"))]);
    let mut changed = setup();
    changed.policies.clear();
    host.append(MARCH + 1, vec![Entry::Setup(changed)]);
    let file = Exported::of(&host.journal(&["export"]).unwrap());
    let other = Host::empty();
    other.append(MARCH, vec![event("x1", 3, said("hello"))]);
    assert_eq!(counts(&file.import(&other).unwrap())[..3], [3, 3, 0]);
    assert_eq!(counts(&file.import(&other).unwrap())[..3], [3, 0, 3]);
}

#[test]
fn a_wrong_line_is_named_and_nothing_behind_it_is_imported() {
    let lines: Vec<String> = Host::lived().journal(&["export"]).unwrap().lines().map(str::to_owned).collect();
    let backwards = lines[0].clone();
    for (wrong, reason) in [
        (r#"{"position":3}"#, "missing field"),
        ("not JSON", "not the JSON of Record"),
        (r#"{"position":3,"now":1,"entry":{"rumour":{}}}"#, "unknown variant `rumour`"),
        (backwards.as_str(), "position 1 does not come behind 2"),
    ] {
        let text = format!("{}\n{}\n{wrong}\n{}\n", lines[0], lines[1], lines[2]);
        let host = Host::empty();
        let error = format!("{:#}", Exported::of(&text).import(&host).unwrap_err());
        assert!(
            error.contains("2 records before it are imported (2 new), nothing behind it: line 3"),
            "{error}"
        );
        assert!(error.contains(reason), "{error}");
        assert_eq!(host.journal.head().unwrap().position, 2);
    }
}

#[test]
fn a_file_may_say_its_form() {
    let text = Host::lived().journal(&["export"]).unwrap();
    let host = Host::empty();
    let file = Exported::of(&format!("{{\"heliu_journal\":1}}\n{text}\n"));
    assert_eq!(counts(&file.import(&host).unwrap())[..2], [7, 7]);
    let error = Exported::of("{\"heliu_journal\":2}\n").import(&host).unwrap_err();
    assert!(format!("{error:#}").contains("line 1: a journal of form 2"), "{error:#}");
}

#[test]
fn a_number_keeps_its_last_bit() {
    // Read with less care, each of these comes out as its neighbour.
    for number in [1813.8734630502206, 9145.731834770435, 1924.3053591130522] {
        let host = Host::empty();
        let told = Fact::Told(vec![Trait { name: "points".to_owned(), value: Value::Number(number) }]);
        host.append(MARCH, vec![event("e1", 1, told)]);
        let copy = Host::empty();
        Exported::of(&host.journal(&["export"]).unwrap()).import(&copy).unwrap();
        let fact = |host: &Host| {
            let record = host.journal.read(0, 1).unwrap().remove(0);
            record.entry.event().unwrap().fact.clone()
        };
        assert_eq!(fact(&copy), fact(&host));
    }
}

#[test]
fn more_than_a_page_goes_through() {
    let host = Host::empty();
    let mut entries = vec![Entry::Setup(setup())];
    entries.extend((0..2500).map(|number| event(&format!("e{number}"), number % 7, said("hi"))));
    host.append(MARCH, entries);
    let text = host.journal(&["export"]).unwrap();
    let copy = Host::empty();
    assert_eq!(counts(&Exported::of(&text).import(&copy).unwrap()), [2501, 2501, 0, 0, 0]);
    assert_eq!(copy.journal(&["export"]).unwrap(), text);
}

#[test]
fn an_export_to_a_file_is_there_whole() {
    let host = Host::lived();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("out.ndjson");
    let told = host.journal(&["export", "--out", &file.display().to_string()]).unwrap();
    assert!(told.starts_with("7 records up to position 7 are in "), "{told}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), host.journal(&["export"]).unwrap());
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn tail_shows_the_end_in_words() {
    let host = Host::lived();
    let text = host.journal(&["tail", "-n", "2"]).unwrap();
    assert_eq!(
        text,
        "       6  2026-03-03 08:00:00  wecom-main        helped-friend, with wechat.unionid:wx1:o6:2 (direct message)\n       \
         7  2026-03-03 08:00:00  policy repurchase  was.helped (elsewhere) [derived from position 6]\n"
    );
    let all = host.journal(&["tail", "-n", "99"]).unwrap();
    assert!(all.contains("the configuration changed: policies repurchase; 0 schemes of handles"), "{all}");
    assert_eq!(host.journal(&["tail", "-n", "99", "--json"]).unwrap(), host.journal(&["export"]).unwrap());
    assert!(Host::empty().journal(&["tail"]).unwrap().is_empty());
}
