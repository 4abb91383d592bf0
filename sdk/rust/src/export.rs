//! The macros that make a type the component's exports. Each needs the SDK feature of its world.

/// Exports a [`Webhook`](crate::Webhook) that is a [`ChoreWorker`](crate::ChoreWorker) too.
///
/// Needs the feature `webhook-connector`. Once in a plugin, and no other of these macros beside it.
#[macro_export]
macro_rules! export_webhook_connector {
    ($plugin:ident) => {
        $crate::__export!($plugin: Webhook ChoreWorker; about webhook chore_worker);
    };
}

/// Exports a [`Feed`](crate::Feed) that is a [`ChoreWorker`](crate::ChoreWorker) too.
///
/// Needs the feature `feed-connector`. Once in a plugin, and no other of these macros beside it.
#[macro_export]
macro_rules! export_feed_connector {
    ($plugin:ident) => {
        $crate::__export!($plugin: Feed ChoreWorker; about feed chore_worker);
    };
}

/// Exports a [`Webhook`](crate::Webhook) that is a [`Feed`](crate::Feed) and a [`ChoreWorker`](crate::ChoreWorker) too.
///
/// Needs the feature `reconciled-connector`. Once in a plugin, and no other of these macros beside it.
#[macro_export]
macro_rules! export_reconciled_connector {
    ($plugin:ident) => {
        $crate::__export!($plugin: Webhook Feed ChoreWorker; about webhook feed chore_worker);
    };
}

/// Exports a [`Webhook`](crate::Webhook) that is a [`ChoreWorker`](crate::ChoreWorker) and an [`Outlet`](crate::Outlet)
/// too.
///
/// Needs the feature `two-way-connector`. Once in a plugin, and no other of these macros beside it.
#[macro_export]
macro_rules! export_two_way_connector {
    ($plugin:ident) => {
        $crate::__export!($plugin: Webhook ChoreWorker Outlet; about webhook chore_worker outlet);
    };
}

/// Exports all that a connector can be, an [`Outlet`](crate::Outlet) included.
///
/// Needs the feature `full-connector`. Once in a plugin, and no other of these macros beside it.
#[macro_export]
macro_rules! export_full_connector {
    ($plugin:ident) => {
        $crate::__export!($plugin: Webhook Feed ChoreWorker Outlet; about webhook feed chore_worker outlet);
    };
}

/// Exports a [`Policy`](crate::Policy).
///
/// Needs the feature `tagging-policy`. Once in a plugin, and no other of these macros beside it.
#[macro_export]
macro_rules! export_policy {
    ($plugin:ident) => {
        $crate::__export!($plugin: Policy; policy packed_policy);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($plugin:ident: $($needed:ident)*; $($interface:ident)*) => {
        // Natively there is nothing to export to, and the names of the exports are none that its linkers know.
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            $($crate::__private::glue::$interface::export!($plugin with_types_in $crate::__private::glue::$interface);)*
        };

        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            const fn implements<P: $($crate::$needed +)*>() {}
            implements::<$plugin>()
        };
    };
}
