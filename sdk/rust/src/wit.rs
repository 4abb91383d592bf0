//! The contract's own types, generated from the WIT, and the four imports of a connector.
//!
//! Every world uses these same types, so that a workspace may build plugins of different worlds side by side.
//! The interfaces are declared as imports only to have their types made; what is not called is not imported.
//!
//! `wit` beside this crate is a link to the contract, so that a published crate has it with it.

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
        "heliu:plugin/events@0.1.0/receipt-step": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/events@0.1.0/value": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/events@0.1.0/fact": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/policy@0.1.0/happening": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/policy@0.1.0/change": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/faults@0.1.0/fault": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/http@0.1.0/failure": [#[serde(rename_all = "snake_case")]],
        "heliu:plugin/log@0.1.0/level": [#[serde(rename_all = "snake_case")]],
    },
    additional_member_attributes: {
        "heliu:plugin/events@0.1.0/event.extra": [#[serde(default, with = "crate::json_text::option")]],
        "heliu:plugin/chores@0.1.0/chore.job": [#[serde(with = "crate::json_text::required")]],
        "heliu:plugin/policy@0.1.0/turn.memory": [#[serde(default, with = "crate::run")]],
        "heliu:plugin/policy@0.1.0/verdict.memory": [#[serde(default, with = "crate::run")]],
        "heliu:plugin/policy@0.1.0/intent.detail": [#[serde(default, with = "crate::json_text::option")]],
    },
    skip: ["describe", "evaluate"],
});
