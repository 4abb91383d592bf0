//! What the policy decides, case by case: `golden/*.json`.

#[test]
fn goldens() {
    heliu_sdk::harness::policy_goldens::<{{ident}}::{{Name}}>(env!("CARGO_MANIFEST_DIR"));
}
