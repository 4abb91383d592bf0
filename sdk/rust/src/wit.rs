//! The contract's own types, generated from the WIT, and the four imports of a connector.
//!
//! Every world uses these same types, so that a workspace may build plugins of different worlds side by side.
//! The interfaces are declared as imports only to have their types made; what is not called is not imported.
//!
//! `wit/v0.1` beside this crate is a copy of the contract, which a published crate must have with it. It lacks the
//! package comments of `connector.wit` and `policy.wit`: the parser takes such a comment in one file only.

wit_bindgen::generate!({
    inline: "
        package heliu:sdk;
        world types {
            import heliu:plugin/events@0.1.0;
            import heliu:plugin/chores@0.1.0;
            import heliu:plugin/faults@0.1.0;
            import heliu:plugin/http@0.1.0;
            import heliu:plugin/memory@0.1.0;
            import heliu:plugin/clock@0.1.0;
            import heliu:plugin/log@0.1.0;
            import heliu:plugin/policy@0.1.0;
        }
    ",
    path: "wit/v0.1",
    generate_all,
    generate_unused_types: true,
    additional_derives: [Clone, PartialEq, serde::Serialize, serde::Deserialize],
    additional_type_attributes: {
        "heliu:plugin/events@0.1.0/touchpoint": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/events@0.1.0/direction": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/events@0.1.0/look": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/events@0.1.0/order-step": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/events@0.1.0/bond": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/events@0.1.0/value": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/events@0.1.0/fact": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/policy@0.1.0/happening": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/policy@0.1.0/change": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/faults@0.1.0/fault": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/http@0.1.0/failure": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/log@0.1.0/level": [#[serde(rename_all = "snake_case")]],
    },
    additional_member_attributes: {
        "heliu:plugin/events@0.1.0/event.extra": [#[serde(default, with = "crate::json::option")]],
        "heliu:plugin/chores@0.1.0/chore.job": [#[serde(with = "crate::json::required")]],
        "heliu:plugin/policy@0.1.0/intent.detail": [#[serde(default, with = "crate::json::option")]],
    },
    skip: ["describe", "evaluate"],
});

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// What binds: every line that is no comment.
    fn contract(path: &Path) -> Vec<String> {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned).collect()
    }

    #[test]
    fn the_copy_is_the_contract() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        for file in ["plugin.wit", "connector.wit", "policy.wit"] {
            let copy = contract(&here.join("wit/v0.1").join(file));
            assert_eq!(copy, contract(&here.join("../../wit/v0.1").join(file)), "{file}");
        }
    }
}
