//! What the policy decides, case by case: `golden/*.json`.

#[test]
fn goldens() {
    heliu_sdk::harness::policy_goldens::<recency::Recency>(env!("CARGO_MANIFEST_DIR"));
}

#[test]
fn the_example_settings_fit() {
    let text = include_str!("../settings.example.json");
    assert_eq!(heliu_sdk::policy::evaluate::<recency::Recency>(text, &[]), Ok(vec![]));
}

#[test]
fn a_memory_has_a_few_bytes() {
    let golden = include_str!("golden/the-ladder-down.json");
    let golden: serde_json::Value = serde_json::from_str(golden).expect("because goldens are JSON");
    let verdicts = golden["expect"]["verdicts"].as_array().expect("because it is no failure");
    assert_eq!(verdicts.len(), 5);
    for verdict in verdicts {
        // Seven bytes in base64.
        assert_eq!(verdict["memory"].as_str().map(str::len), Some(12));
    }
}
