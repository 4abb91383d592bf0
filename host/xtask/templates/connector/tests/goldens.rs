//! What the connector makes of a call, case by case: `golden/*.json`.

#[test]
fn goldens() {
    heliu_sdk::harness::webhook_connector_goldens::<{{ident}}::{{Name}}>(env!("CARGO_MANIFEST_DIR"));
}
