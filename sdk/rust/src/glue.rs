//! The glue from each exported interface to its trait. One module for each interface: a world is a set of them, and
//! the types are the SDK's own everywhere, so that a workspace may build plugins of different worlds side by side.

/// Generates the exports of one interface, made of the SDK's types. The words in brackets are the shared interfaces
/// that it uses, then its own types and the module of the SDK where they live.
#[allow(unused_macros, reason = "a build of no world exports nothing")]
macro_rules! exports {
    ($world:literal, uses [$($used:literal = $module:ident),*], types in $home:ident: [$($wit:literal = $name:ident),*]) => {
        wit_bindgen::generate!({
            inline: $world,
            path: "wit/v0.1",
            pub_export_macro: true,
            runtime_path: "heliu_sdk::__private::wit_bindgen::rt",
            with: {
                $($used: crate::wit::heliu::plugin::$module,)*
                $($wit: crate::$home::$name,)*
            },
        });
    };
}

#[cfg(any(
    feature = "webhook-connector",
    feature = "feed-connector",
    feature = "reconciled-connector",
    feature = "two-way-connector",
    feature = "full-connector"
))]
pub mod about {
    exports!(
        "package heliu:sdk; world about-connector-exports { export heliu:plugin/about-connector@0.1.0; }",
        uses ["heliu:plugin/events@0.1.0" = events],
        types in connector: [
            "heliu:plugin/about-connector@0.1.0/descriptor" = Descriptor,
            "heliu:plugin/about-connector@0.1.0/scheme" = Scheme,
            "heliu:plugin/about-connector@0.1.0/ability" = Ability,
            "heliu:plugin/about-connector@0.1.0/carriage" = Carriage
        ]
    );

    use crate::connector::{Connector, Descriptor};

    impl<C: Connector> exports::heliu::plugin::about_connector::Guest for C {
        fn describe() -> Descriptor {
            crate::panic::install_for_connector();
            C::describe()
        }
    }
}

#[cfg(any(
    feature = "webhook-connector",
    feature = "reconciled-connector",
    feature = "two-way-connector",
    feature = "full-connector"
))]
pub mod webhook {
    exports!(
        "package heliu:sdk; world webhook-exports { export heliu:plugin/webhook@0.1.0; }",
        uses ["heliu:plugin/events@0.1.0" = events, "heliu:plugin/chores@0.1.0" = chores, "heliu:plugin/faults@0.1.0" = faults],
        types in connector: [
            "heliu:plugin/webhook@0.1.0/request" = Request,
            "heliu:plugin/webhook@0.1.0/response" = Response,
            "heliu:plugin/webhook@0.1.0/reception" = Reception,
            "heliu:plugin/webhook@0.1.0/complaint" = Complaint,
            "heliu:plugin/webhook@0.1.0/refusal" = Refusal
        ]
    );

    use crate::Sandbox;
    use crate::connector::{Reception, Refusal, Request, Webhook};
    use crate::events::Json;

    impl<C: Webhook> exports::heliu::plugin::webhook::Guest for C {
        fn receive(settings: Json, request: Request) -> Result<Reception, Refusal> {
            crate::panic::install_for_connector();
            crate::connector::receive::<C>(&settings, request, &mut Sandbox)
        }
    }
}

#[cfg(any(feature = "feed-connector", feature = "reconciled-connector", feature = "full-connector"))]
pub mod feed {
    exports!(
        "package heliu:sdk; world feed-exports { export heliu:plugin/feed@0.1.0; }",
        uses ["heliu:plugin/events@0.1.0" = events, "heliu:plugin/chores@0.1.0" = chores, "heliu:plugin/faults@0.1.0" = faults],
        types in connector: [
            "heliu:plugin/feed@0.1.0/page" = Page
        ]
    );

    use crate::Sandbox;
    use crate::connector::{Feed, Page};
    use crate::events::Json;
    use crate::faults::Fault;

    impl<C: Feed> exports::heliu::plugin::feed::Guest for C {
        fn poll(settings: Json, cursor: Option<Json>) -> Result<Page, Fault> {
            crate::panic::install_for_connector();
            crate::connector::poll::<C>(&settings, cursor, &mut Sandbox)
        }
    }
}

#[cfg(any(
    feature = "webhook-connector",
    feature = "feed-connector",
    feature = "reconciled-connector",
    feature = "two-way-connector",
    feature = "full-connector"
))]
pub mod chore_worker {
    exports!(
        "package heliu:sdk; world chore-worker-exports { export heliu:plugin/chore-worker@0.1.0; }",
        uses ["heliu:plugin/events@0.1.0" = events, "heliu:plugin/chores@0.1.0" = chores, "heliu:plugin/faults@0.1.0" = faults],
        types in connector: [

        ]
    );

    use crate::Sandbox;
    use crate::chores::{Chore, Harvest};
    use crate::connector::ChoreWorker;
    use crate::events::Json;
    use crate::faults::Fault;

    impl<C: ChoreWorker> exports::heliu::plugin::chore_worker::Guest for C {
        fn work(settings: Json, chore: Chore) -> Result<Harvest, Fault> {
            crate::panic::install_for_connector();
            crate::connector::work::<C>(&settings, chore, &mut Sandbox)
        }
    }
}

#[cfg(any(feature = "two-way-connector", feature = "full-connector"))]
pub mod outlet {
    exports!(
        "package heliu:sdk; world outlet-exports { export heliu:plugin/outlet@0.1.0; }",
        uses ["heliu:plugin/events@0.1.0" = events, "heliu:plugin/chores@0.1.0" = chores, "heliu:plugin/faults@0.1.0" = faults],
        types in connector: [
            "heliu:plugin/outlet@0.1.0/errand" = Errand,
            "heliu:plugin/outlet@0.1.0/outcome" = Outcome,
            "heliu:plugin/outlet@0.1.0/delivery" = Delivery
        ]
    );

    use crate::Sandbox;
    use crate::connector::{Delivery, Errand, Outlet};
    use crate::events::Json;

    impl<C: Outlet> exports::heliu::plugin::outlet::Guest for C {
        fn carry(settings: Json, errands: Vec<Errand>) -> Delivery {
            crate::panic::install_for_connector();
            crate::connector::carry::<C>(&settings, errands, &mut Sandbox)
        }
    }
}

#[cfg(feature = "tagging-policy")]
pub mod policy {
    exports!(
        "package heliu:sdk; world policy-exports { export heliu:plugin/policy@0.1.0; }",
        uses ["heliu:plugin/events@0.1.0" = events],
        types in policy: [
            "heliu:plugin/policy@0.1.0/alarm" = Alarm,
            "heliu:plugin/policy@0.1.0/change" = Change,
            "heliu:plugin/policy@0.1.0/customer" = Customer,
            "heliu:plugin/policy@0.1.0/decision" = Decision,
            "heliu:plugin/policy@0.1.0/descriptor" = Descriptor,
            "heliu:plugin/policy@0.1.0/happening" = Happening,
            "heliu:plugin/policy@0.1.0/held-stage" = HeldStage,
            "heliu:plugin/policy@0.1.0/held-tag" = HeldTag,
            "heliu:plugin/policy@0.1.0/intent" = Intent,
            "heliu:plugin/policy@0.1.0/intent-outcome" = IntentOutcome,
            "heliu:plugin/policy@0.1.0/new-tag" = NewTag,
            "heliu:plugin/policy@0.1.0/staff-task" = StaffTask,
            "heliu:plugin/policy@0.1.0/turn" = Turn,
            "heliu:plugin/policy@0.1.0/verdict" = Verdict
        ]
    );

    use crate::events::Json;
    use crate::policy::{Descriptor, Policy, Turn, Verdict};

    impl<P: Policy> exports::heliu::plugin::policy::Guest for P {
        fn describe() -> Descriptor {
            P::describe()
        }

        fn evaluate(settings: Json, turns: Vec<Turn>) -> Result<Vec<Verdict>, String> {
            crate::policy::evaluate::<P>(&settings, &turns)
        }
    }
}

#[cfg(feature = "tagging-policy")]
pub mod packed_policy {
    exports!(
        "package heliu:sdk; world packed-policy-exports { export heliu:plugin/packed-policy@0.1.0; }",
        uses ["heliu:plugin/events@0.1.0" = events],
        types in policy: []
    );

    use crate::events::Json;
    use crate::policy::Policy;

    impl<P: Policy> exports::heliu::plugin::packed_policy::Guest for P {
        fn evaluate(settings: Json, turns: Vec<u8>) -> Result<Vec<u8>, String> {
            crate::policy::evaluate_packed::<P>(&settings, &turns)
        }
    }
}
