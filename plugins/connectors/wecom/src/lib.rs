//! Connector for WeCom (企业微信): its encrypted callbacks become events, and its API tells what they left out.
//!
//! A push names ids and little else. So `receive` turns it into events at once and asks for chores; `work` reads
//! the profile, the group or the tag behind an id and yields what the push could not say. `carry` sends welcomes, marks
//! tags, and gives staff messages and posts to confirm, whose results chores read. What is said in customer service is read by a
//! chore when it rings, and by `poll` when a ring was not heard.
//! The README tells what each push becomes and which traps of the platform are met where.

mod receive;

pub mod crypto;
pub mod envelope;
mod push;
mod query;
mod xml;

mod facts;
mod identity;
mod jobs;

mod chores;
mod outlet;
mod waiting;

mod errcode;
mod rest;
mod service;

pub mod settings;

use heliu_sdk::chores::{Chore, Harvest};
use heliu_sdk::connector::{Delivery, Descriptor, Errand, Page, Reception, Refusal, Request};
use heliu_sdk::events::Json;
use heliu_sdk::faults::Fault;
use heliu_sdk::{ChoreWorker, Connector, Feed, Host, Outlet, Webhook};

pub use settings::Settings;

/// The connector.
pub struct Wecom;

impl Connector for Wecom {
    type Settings = Settings;

    fn describe() -> Descriptor {
        Descriptor {
            channel: "wecom".into(),
            title: "WeCom 企业微信".into(),
            settings_schema: heliu_sdk::schema::<Settings>(),
            schemes: identity::schemes(),
            abilities: outlet::abilities(),
            hosts: vec![settings::API_BASE.into()],
        }
    }
}

impl Webhook for Wecom {
    fn receive(settings: &Settings, request: Request, host: &mut dyn Host) -> Result<Reception, Refusal> {
        receive::receive(settings, &request, host)
    }
}

impl Feed for Wecom {
    fn poll(settings: &Settings, cursor: Option<Json>, host: &mut dyn Host) -> Result<Page, Fault> {
        service::poll(settings, cursor.as_deref(), host)
    }
}

impl ChoreWorker for Wecom {
    fn work(settings: &Settings, chore: Chore, host: &mut dyn Host) -> Result<Harvest, Fault> {
        chores::work(settings, &chore, host)
    }
}

impl Outlet for Wecom {
    fn carry(settings: &Settings, errands: Vec<Errand>, host: &mut dyn Host) -> Delivery {
        outlet::carry(settings, &errands, host)
    }
}

// The names of a component's exports are none that a native linker takes.
#[cfg(target_arch = "wasm32")]
heliu_sdk::export_full_connector!(Wecom);
