//! The connector as the host sees it.

use heliu_sdk::chores::{Chore, Harvest};
use heliu_sdk::connector::{Connector, Delivery, Descriptor, Errand, Page, Reception, Refusal, Request};
use heliu_sdk::events::Json;
use heliu_sdk::faults::Fault;
use heliu_sdk::{ChoreWorker, Feed, Host, Outlet, Webhook};

use crate::settings::Settings;
use crate::{Youzan, chores, handles, outlet, poll, receive};

impl Connector for Youzan {
    type Settings = Settings;

    fn describe() -> Descriptor {
        Descriptor {
            channel: "youzan".into(),
            title: "Youzan 有赞".into(),
            settings_schema: heliu_sdk::schema::<Settings>(),
            schemes: handles::schemes(),
            abilities: outlet::abilities(),
            hosts: vec!["https://open.youzanyun.com".into()],
        }
    }
}

impl Webhook for Youzan {
    fn receive(settings: &Settings, request: Request, host: &mut dyn Host) -> Result<Reception, Refusal> {
        receive::receive(settings, &request, host)
    }
}

impl Feed for Youzan {
    fn poll(settings: &Settings, cursor: Option<Json>, host: &mut dyn Host) -> Result<Page, Fault> {
        poll::poll(settings, cursor.as_ref(), host)
    }
}

impl ChoreWorker for Youzan {
    fn work(settings: &Settings, chore: Chore, host: &mut dyn Host) -> Result<Harvest, Fault> {
        chores::work(settings, &chore, host)
    }
}

impl Outlet for Youzan {
    fn carry(settings: &Settings, errands: Vec<Errand>, host: &mut dyn Host) -> Delivery {
        outlet::carry(settings, &errands, host)
    }
}
