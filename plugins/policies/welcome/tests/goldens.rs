//! What the policy decides, case by case: `golden/*.json`.

#[test]
fn goldens() {
    heliu_sdk::harness::policy_goldens::<welcome::Welcome>(env!("CARGO_MANIFEST_DIR"));
}

#[test]
fn the_example_settings_fit() {
    let text = include_str!("../settings.example.json");
    assert_eq!(heliu_sdk::policy::evaluate::<welcome::Welcome>(text, &[]), Ok(vec![]));
}
