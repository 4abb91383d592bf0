//! The connector as the host sees it.

use heliu_sdk::chores::{Chore, Harvest};
use heliu_sdk::connector::{Connector, Descriptor, Page};
use heliu_sdk::events::Json;
use heliu_sdk::faults::Fault;
use heliu_sdk::{ChoreWorker, Feed, Host};

use crate::settings::Settings;
use crate::{Tmall, chores, handles, poll};

impl Connector for Tmall {
    type Settings = Settings;

    fn describe() -> Descriptor {
        Descriptor {
            channel: "tmall".into(),
            title: "Tmall and Taobao 天猫淘宝".into(),
            settings_schema: heliu_sdk::schema::<Settings>(),
            schemes: handles::schemes(),
            abilities: Vec::new(),
            hosts: vec!["https://eco.taobao.com".into()],
        }
    }
}

impl Feed for Tmall {
    fn poll(settings: &Settings, cursor: Option<Json>, host: &mut dyn Host) -> Result<Page, Fault> {
        poll::poll(settings, cursor.as_ref(), host)
    }
}

impl ChoreWorker for Tmall {
    fn work(settings: &Settings, chore: Chore, host: &mut dyn Host) -> Result<Harvest, Fault> {
        chores::work(settings, &chore, host)
    }
}
