//! What the policy decides, case by case: `golden/*.json`.

#[test]
fn goldens() {
    heliu_sdk::harness::policy_goldens::<behaviour_tags::BehaviourTags>(env!("CARGO_MANIFEST_DIR"));
}

#[test]
fn the_example_settings_are_the_markets_three_monitors() {
    let text = include_str!("../settings.example.json");
    let verdicts = heliu_sdk::policy::evaluate::<behaviour_tags::BehaviourTags>(text, &[]);
    assert_eq!(verdicts, Ok(vec![]));
    for fact in ["saw", "bought", "did.joined-group"] {
        assert!(text.contains(&format!("{{ \"fact\": {fact:?}")), "{fact}");
    }
}
