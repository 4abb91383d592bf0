//! `heliu export`: what was written is read back with the libraries of the formats and held against journal and store,
//! row by row.

use std::collections::BTreeMap;
use std::path::Path;

use journal::Records as _;
use model::{Customer, Event, Fact, IntentState, Record, Value};
use parquet::basic::{LogicalType, TimeUnit};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value as Json, json};
use store::{Query, Store as _};

use super::super::export::TABLES;
use super::{DAY_MS, Host, MARCH, event, said, told};

/// A row by the names of its columns. Times are milliseconds; None is absent.
type Row = BTreeMap<String, Option<String>>;

const DOCUMENT: &str = include_str!("../../../docs/EXPORTS.md");

/// `Host::lived`, and people whose names are attacks.
fn host() -> Host {
    let host = Host::lived();
    let names = ["=cmd|'/c calc'!A0", "+86", "'quoted", "a,\"b\"\nc", "@小", ""];
    let told =
        names.iter().zip(3_u64..).map(|(name, number)| event(&format!("n{number}"), number, told(name)));
    host.append(MARCH + 71 * DAY_MS, told.collect());
    host.append(MARCH + 72 * DAY_MS, vec![event("s1", 3, said("-1+1"))]);
    host.fold(MARCH + 73 * DAY_MS);
    host
}

fn is_time(table: &str, column: &str) -> bool {
    kind(table, column) == "time"
}

fn kind(table: &str, column: &str) -> &'static str {
    let (_, columns) = TABLES.iter().find(|(name, _)| *name == table).unwrap();
    columns.iter().find(|known| known.name == column).unwrap().kind.name()
}

/// The times of CSV are read with the library that parses RFC 3339.
fn csv_rows(table: &str, text: &str, escaped: bool) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes());
    let columns = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        columns
            .iter()
            .zip(record.iter())
            .map(|(column, cell)| {
                let cell = match (cell, kind(table, column)) {
                    ("", _) => None,
                    (cell, "time") => {
                        assert!(cell.ends_with('Z'), "{cell} is UTC");
                        Some(
                            chrono::DateTime::parse_from_rfc3339(cell)
                                .unwrap()
                                .timestamp_millis()
                                .to_string(),
                        )
                    }
                    (cell, "text") if escaped => Some(cell.strip_prefix('\'').unwrap_or(cell).to_owned()),
                    (cell, _) => Some(cell.to_owned()),
                };
                (column.to_owned(), cell.filter(|cell| !cell.is_empty()))
            })
            .collect()
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

fn parquet_rows(file: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(std::fs::File::open(file).unwrap()).unwrap();
    let cell = |field: &Field| match field {
        Field::Null => None,
        Field::Str(text) => Some(text.clone()),
        Field::Bytes(bytes) => Some(std::str::from_utf8(bytes.data()).unwrap().to_owned()),
        Field::Long(number) => Some(number.to_string()),
        Field::TimestampMillis(time) => Some(time.to_string()),
        other => panic!("{other:?}"),
    };
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| {
        let row = row.unwrap();
        row.get_column_iter()
            .map(|(name, field)| (name.clone(), cell(field).filter(|cell| !cell.is_empty())))
            .collect()
    })
    .collect()
}

/// All formats of one table, which must say the same.
fn exported(host: &Host, table: &str, more: &[&str]) -> Vec<Row> {
    let run = |rest: &[&str]| host.export(&[&[table], more, rest].concat()).unwrap();
    let rows = csv_rows(table, &run(&[]), true);
    assert_eq!(csv_rows(table, &run(&["--raw"]), false), rows);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (parquet, csv) = (file("rows.parquet"), file("rows.csv"));
    let said = run(&["--format", "parquet", "--out", &parquet, "--json"]);
    assert_eq!(serde_json::from_str::<Json>(&said).unwrap(), json!({"rows": rows.len()}));
    assert_eq!(parquet_rows(Path::new(&parquet)), rows);
    let said = run(&["--bom", "--out", &csv]);
    assert_eq!(said, format!("{} rows are in {csv}\n", rows.len()));
    let written = std::fs::read_to_string(&csv).unwrap();
    assert!(written.starts_with('\u{feff}'));
    assert_eq!(csv_rows(table, &written, true), rows);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
    rows
}

fn some(text: impl ToString) -> Option<String> {
    Some(text.to_string()).filter(|text| !text.is_empty())
}

fn everybody(host: &Host) -> Vec<Customer> {
    host.store.page(&Query { limit: 1000, ..Query::default() }).unwrap()
}

fn parsed(cell: &Option<String>) -> Json {
    serde_json::from_str(cell.as_deref().unwrap()).unwrap()
}

#[test]
fn customers_are_as_in_the_store() {
    let host = host();
    let (rows, customers) = (exported(&host, "customers", &[]), everybody(&host));
    assert_eq!((rows.len(), customers.len()), (8, 8));
    for (row, customer) in rows.iter().zip(&customers) {
        assert_eq!(row["customer_id"], some(customer.id));
        assert_eq!(row["first_seen"], some(customer.first_seen));
        let name = customer.traits.iter().find_map(|held| match &held.value {
            Value::Text(name) if held.name == "name" => Some(name.clone()),
            _ => None,
        });
        assert_eq!(row["name"], some(name.clone().unwrap_or_default()));
        assert_eq!(parsed(&row["traits"]), json!({"name": name.unwrap()}));
        let tags: Vec<&str> = customer.tags.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(parsed(&row["tags"]), json!(tags));
        let handles = customer.handles.iter().map(|handle| {
            let model::Identity { scheme, scope, value } = &handle.identity;
            format!("{scheme}:{scope}:{value}")
        });
        assert_eq!(parsed(&row["handles"]), json!(handles.collect::<Vec<_>>()));
        let stages: BTreeMap<&str, &str> =
            customer.stages.iter().map(|held| (held.journey.as_str(), held.stage.as_str())).collect();
        assert_eq!(parsed(&row["stages"]), json!(stages));
        assert_eq!((parsed(&row["staff"]), parsed(&row["merged"])), (json!(customer.staff), json!([])));
        assert_eq!(row["events"], some(customer.timeline.len()));
        assert_eq!(
            (&row["intents"], &row["tasks"]),
            (&some(customer.intents.len()), &some(customer.tasks.len()))
        );
    }
}

#[test]
fn tags_are_as_in_the_store() {
    let host = host();
    let rows = exported(&host, "tags", &[]);
    let customers = everybody(&host);
    let held: Vec<_> = customers
        .iter()
        .flat_map(|customer| customer.tags.iter().map(move |tag| (customer.id, tag)))
        .collect();
    assert!(held.len() >= 3);
    assert_eq!(rows.len(), held.len());
    for (row, (id, tag)) in rows.iter().zip(held) {
        let expected = [
            ("customer_id", some(id)),
            ("tag", some(&tag.name)),
            ("since", some(tag.since)),
            ("expires", tag.expires.and_then(some)),
            ("position", some(tag.cause.position)),
            ("decided_at", some(tag.cause.now)),
            ("policy", some("repurchase")),
            ("policy_version", tag.cause.version.and_then(some)),
            ("alarm", tag.cause.alarm.as_ref().and_then(some)),
            ("why", some(&tag.cause.why)),
        ];
        assert_eq!(*row, expected.map(|(name, cell)| (name.to_owned(), cell)).into());
    }
}

#[test]
fn intents_are_as_in_the_store() {
    let host = host();
    let rows = exported(&host, "intents", &[]);
    let customers = everybody(&host);
    let held: Vec<_> = customers
        .iter()
        .flat_map(|customer| customer.intents.iter().map(move |held| (customer.id, held)))
        .collect();
    assert_eq!((rows.len(), held.len()), (1, 1));
    for (row, (id, held)) in rows.iter().zip(held) {
        assert_eq!(held.state, IntentState::Proposed);
        let (intent, content) = (&held.intent, held.intent.content.as_ref().unwrap());
        let expected = [
            ("intent_id", some(&held.id)),
            ("customer_id", some(id)),
            ("policy", some(&held.binding)),
            ("key", some(&intent.key)),
            ("scene", some(&intent.scene)),
            ("state", some("proposed")),
            ("text", intent.text.as_ref().and_then(some)),
            ("content_id", some(&content.id)),
            ("content_kind", some(&content.kind)),
            ("content_title", content.title.as_ref().and_then(some)),
            ("not_before", intent.not_before.and_then(some)),
            ("not_after", intent.not_after.and_then(some)),
            ("position", some(held.cause.position)),
            ("decided_at", some(held.cause.now)),
            ("why", some(&held.cause.why)),
            ("detail", intent.detail.as_ref().and_then(some)),
            ("step_at", held.steps.last().and_then(|step| some(step.now))),
            ("step_code", held.steps.last().and_then(|step| some(&step.code))),
            ("connection", None),
            ("receipt", None),
            ("unfounded", some(held.unfounded)),
            ("reached_at", None),
            ("reactions", some("[]")),
        ];
        assert_eq!(*row, expected.map(|(name, cell)| (name.to_owned(), cell)).into());
    }
}

fn events(host: &Host) -> Vec<Record> {
    let records = host.journal.read(0, 1000).unwrap();
    records.into_iter().filter(|record| record.entry.event().is_some()).collect()
}

fn check_event(row: &Row, record: &Record, customers: &[Customer]) {
    let event = record.entry.event().unwrap();
    let owner = customers.iter().find(|customer| customer.timeline.contains(&record.position));
    assert_eq!(row["customer_id"], owner.and_then(|owner| some(owner.id)), "{}", record.position);
    let (_, id) = record.entry.source().unwrap();
    assert_eq!((&row["position"], &row["event_id"]), (&some(record.position), &some(id)));
    assert_eq!((&row["recorded_at"], &row["happened_at"]), (&some(record.now), &some(event.at)));
    assert_eq!((&row["fact"], &row["kind"]), (&some(event.fact.name()), &event.fact.kind().and_then(some)));
    let whole = wire::from_json::<Event>(row["event"].as_ref().unwrap()).unwrap();
    let one_line = |event: &Event| Event {
        extra: event.extra.as_ref().map(|json| json.replace('\n', " ")),
        ..event.clone()
    };
    assert_eq!(whole, one_line(event));
    match &event.fact {
        Fact::Bought(order) => {
            assert_eq!((&row["order_id"], &row["currency"]), (&some(&order.id), &some(&order.currency)));
            let amounts = ["total_minor", "paid_minor", "refunded_minor"].map(|column| row[column].clone());
            assert_eq!(
                amounts,
                [order.total, order.paid, order.refunded].map(|amount| amount.and_then(some))
            );
            assert_eq!(row["placed_at"], some(order.placed_at));
        }
        Fact::Said(message) => {
            assert_eq!(row["text"], message.text.as_ref().and_then(some));
            assert_eq!(row["direction"], some("from-customer"));
        }
        _ => assert_eq!((&row["order_id"], &row["placed_at"]), (&None, &None)),
    }
}

#[test]
fn events_are_as_in_the_journal_and_in_its_order() {
    let host = host();
    let (rows, records, customers) = (exported(&host, "events", &[]), events(&host), everybody(&host));
    assert!(records.len() >= 13);
    assert_eq!(rows.len(), records.len());
    rows.iter().zip(&records).for_each(|(row, record)| check_event(row, record, &customers));
    let derived = rows.iter().find(|row| row["source_kind"] == some("policy")).unwrap();
    assert_eq!((&derived["source"], &derived["kind"]), (&some("repurchase"), &some("was.helped")));
    assert_eq!(rows[0]["touchpoint"], some("direct_message"));
}

#[test]
fn events_can_be_cut_by_position_and_by_time() {
    let host = host();
    let positions = |more: &[&str]| {
        let rows = exported(&host, "events", more);
        rows.iter().map(|row| row["position"].clone().unwrap().parse::<u64>().unwrap()).collect::<Vec<_>>()
    };
    let all: Vec<u64> = events(&host).iter().map(|record| record.position).collect();
    assert_eq!(positions(&["--from", "1"]), all);
    assert_eq!(positions(&["--from", "3", "--to", "6"]), [3, 4, 5]);
    let (from, to) = ("2026-03-02T08:00:00+08:00", "2026-03-03T00:00:00Z");
    assert_eq!(positions(&["--from", from, "--to", to]), [4, 5]);
    assert!(positions(&["--from", "2027-01-01T00:00:00Z"]).is_empty());
}

#[test]
fn a_segment_cuts_every_table_to_its_customers() {
    let host = host();
    let owners = |table: &str| {
        let rows = exported(&host, table, &["--segment", "bought"]);
        rows.iter().map(|row| row["customer_id"].clone().unwrap()).collect::<Vec<_>>()
    };
    for (table, count) in [("customers", 1), ("tags", 2), ("intents", 1), ("events", 4)] {
        assert_eq!(owners(table), vec!["cus_0000000002"; count], "{table}");
    }
    let error = host.export(&["tags", "--segment", "none"]).unwrap_err().to_string();
    assert!(error.starts_with("the configuration has no segment \"none\""), "{error}");
}

#[test]
fn no_text_of_a_customer_is_a_formula() {
    let host = host();
    for table in ["customers", "events"] {
        let text = host.export(&[table]).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let columns = reader.headers().unwrap().clone();
        let mut escaped = 0;
        for record in reader.records() {
            for (column, cell) in columns.iter().zip(&record.unwrap()) {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{column}: {cell}");
                escaped += usize::from(cell.starts_with('\''));
            }
        }
        assert!(escaped > 0, "{table}");
    }
}

#[test]
fn parquet_goes_to_a_file_alone_and_a_failed_export_leaves_none() {
    let host = host();
    let line = ["heliu", "tags", "--format", "parquet"];
    let refused = super::try_parsed::<super::super::ExportCommand>(&line[1..]).unwrap_err().to_string();
    assert!(refused.contains("--out"), "{refused}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("no/such/rows.csv");
    let error = host.export(&["tags", "--out", file.to_str().unwrap()]).unwrap_err().to_string();
    assert!(error.starts_with("create "), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_parquet_file_says_what_its_columns_are() {
    let host = host();
    let folder = tempfile::tempdir().unwrap();
    for (table, columns) in TABLES {
        let file = folder.path().join(table);
        host.export(&[table, "--format", "parquet", "--out", file.to_str().unwrap()]).unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&file).unwrap()).unwrap();
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        assert_eq!(schema.num_columns(), columns.len());
        for (written, column) in schema.columns().iter().zip(*columns) {
            assert_eq!(written.name(), column.name);
            assert_eq!(written.self_type().is_optional(), !column.always, "{}", column.name);
            let logical = match column.kind.name() {
                "text" => Some(LogicalType::String),
                "JSON" => Some(LogicalType::Json),
                "time" => Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
                _ => None,
            };
            assert_eq!(written.logical_type_ref().cloned(), logical, "{}", column.name);
        }
    }
}

#[test]
fn every_column_is_documented_in_its_order() {
    for (table, columns) in TABLES {
        let section = DOCUMENT.split(&format!("\n## {table}\n")).nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let told: Vec<String> =
            section.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect();
        assert_eq!(told.len(), columns.len(), "{table}");
        for (line, column) in told.iter().zip(*columns) {
            let row = format!("| `{}` | {} | ", column.name, column.kind.name());
            assert!(line.starts_with(&row), "{table}: {row} {line}");
        }
        assert!(columns.iter().any(|column| is_time(table, column.name)));
    }
}
