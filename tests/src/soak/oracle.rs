//! What was promised, kept by those to whom it was: clients that note what they were answered, and a platform that counts what
//! it was handed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use parking_lot::Mutex;
use serde_json::Value;

use super::STAFF;
use crate::host::{cli_json, cli_text};
use crate::tenant::WECOM;
use crate::wecom::corp::{Customer, Relation};
use crate::wecom::{Change, Contact, WecomEvent};
use crate::youzan::{Account, NamedBy, Push as ShopPush};
use crate::{Platforms, WecomSim, YouzanSim};

/// A platform cuts the connection after five seconds. A host under a debugger, or on a machine that does other things, is
/// given longer: what is not answered is only sent again.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The platform's side of all pushes. Clones are the same one.
#[derive(Clone)]
pub struct Oracle {
    wecom: WecomSim,
    youzan: YouzanSim,
    client: reqwest::Client,
    pushes: Arc<Mutex<Pushes>>,
}

#[derive(Default)]
struct Pushes {
    made: u64,
    /// Not answered with 200 yet; sent again like new ones.
    open: VecDeque<Push>,
    answered: BTreeSet<String>,
    /// The shop's customers, and those whose coming was answered.
    shoppers: u64,
    shopping: u64,
    /// Errands of points that were proposed.
    points: u64,
}

/// Somebody adds a member of staff.
#[derive(Clone)]
struct Push {
    customer: String,
    at_s: u64,
}

/// What [`Oracle::judge`] found, all of it good.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    pub answered: usize,
    pub records: usize,
    /// Pairs of a message and a customer that the platform was asked for.
    pub errands: usize,
    /// Errands of points that were booked, each once.
    pub points: usize,
}

/// Points of one errand.
const POINTS: i64 = 10;

impl Oracle {
    pub fn new(on: &Platforms) -> anyhow::Result<Oracle> {
        let Platforms { wecom, youzan, tmall: _, clock: _ } = on;
        wecom.corp().hire(STAFF, "林");
        let client = crate::web::client(ANSWER_MAX)?;
        Ok(Oracle { wecom: wecom.clone(), youzan: youzan.clone(), client, pushes: Arc::default() })
    }

    /// So many more customers are to add a member of staff.
    pub fn plan(&self, count: u64) {
        self.plan_ago(count, 0);
    }

    /// The same, which happened so many seconds ago, and the platform tells of it now.
    pub fn plan_ago(&self, count: u64, ago_s: u64) {
        let at_s = self.wecom.config().clock.now_s() - ago_s;
        let (mut pushes, mut corp) = (self.pushes.lock(), self.wecom.corp());
        for _ in 0..count {
            pushes.made += 1;
            let customer = format!("wmFabLe{:025}", pushes.made);
            corp.meet(Customer { external_userid: customer.clone(), ..Customer::default() });
            corp.follow(STAFF, &customer, Relation::default());
            pushes.open.push_back(Push { customer, at_s });
        }
    }

    /// How many pushes nobody answered.
    pub fn open(&self) -> usize {
        self.pushes.lock().open.len()
    }

    pub fn answered(&self) -> BTreeSet<String> {
        self.pushes.lock().answered.clone()
    }

    /// Sends what is open over so many connections, each resting between two: until nothing is open, or one of each was not
    /// answered.
    pub async fn push(&self, hook: &str, lines: usize, pace: Duration) {
        let mut sending = tokio::task::JoinSet::new();
        for _ in 0..lines {
            let (oracle, hook) = (self.clone(), hook.to_owned());
            sending.spawn(async move {
                while oracle.push_one(&hook).await == Some(200) {
                    if !pace.is_zero() {
                        tokio::time::sleep(pace).await;
                    }
                }
            });
        }
        sending.join_all().await;
    }

    /// Sends the next open push. Gives the status of its answer, 0 for none; None: nothing is open.
    pub async fn push_one(&self, hook: &str) -> Option<u16> {
        let push = self.pushes.lock().open.pop_front()?;
        let status = self.send(hook, &push).await.unwrap_or(0);
        let mut pushes = self.pushes.lock();
        if status == 200 {
            pushes.answered.insert(push.customer);
        } else {
            pushes.open.push_back(push);
        }
        Some(status)
    }

    /// Sealed anew each time, as the platform does.
    async fn send(&self, hook: &str, push: &Push) -> anyhow::Result<u16> {
        let contact = Contact::new(STAFF, &push.customer);
        let change = Change::ContactAdded { contact, state: None, welcome_code: None };
        let event = WecomEvent { at_s: push.at_s, change };
        let sealed = self.wecom.seal(&self.wecom.xml(&event))?;
        let sent = self.client.post(format!("{hook}?{}", sealed.query)).body(sealed.body).send().await?;
        let status = sent.status().as_u16();
        ensure!(status != 503 || sent.headers().contains_key("retry-after"), "503 without Retry-After");
        Ok(status)
    }

    /// Somebody comes into the shop: tries once to tell of it. Gives how many are known to have come.
    pub async fn shop(&self, hook: &str) -> u64 {
        let number = {
            let mut pushes = self.pushes.lock();
            if pushes.shoppers == pushes.shopping {
                pushes.shoppers += 1;
            }
            pushes.shoppers
        };
        let account = Account {
            yz_open_id: format!("YzShopper{number:013}"),
            fans_id: 8_800_000 + number,
            mobile: format!("138{number:08}"),
            name: "小满".to_owned(),
            gender: 2,
            birthday: "1995-05-05".to_owned(),
        };
        let came =
            ShopPush::customer(&account, NamedBy::OpenId, true, true, self.wecom.config().clock.now_ms());
        let pushed = self.youzan.push_once(hook, &came).await;
        let mut pushes = self.pushes.lock();
        if pushed && pushes.shopping < number {
            pushes.shopping = number;
        }
        pushes.shopping
    }

    /// While no host runs, everybody who is known to come to the shop is promised points, once for each name.
    ///
    /// # Errors
    /// The broadcast is not taken.
    pub fn promise_points(&self, config: &Path, name: &str) -> anyhow::Result<()> {
        let text = format!(
            "name = \"{name}\"\nfilter = '\"youzan.yz-open-id\" in schemes'\n\n[[rendering]]\nscene = \"points\"\n\
             detail = {{ points = {POINTS}, reason = \"{name}\" }}\n"
        );
        let file = config.with_file_name("points.toml");
        std::fs::write(&file, text)?;
        let file = file.to_str().context("a path that is text")?;
        let told = cli_json(config, &["broadcast", "send", file, "--by", "li", "--why", "a soak"])?;
        let proposed = told["proposed"].as_u64().with_context(|| format!("nothing is proposed: {told}"))?;
        self.pushes.lock().points += proposed;
        Ok(())
    }

    /// Errands of points that were promised and are not booked.
    pub fn owed(&self) -> u64 {
        let booked = self.youzan.shop().wallet.bookings();
        self.pushes.lock().points.saturating_sub(u64::try_from(booked).unwrap_or(u64::MAX))
    }

    /// Compares with a host that has stopped.
    ///
    /// # Errors
    /// The first promise that was broken.
    pub fn judge(&self, config: &Path) -> anyhow::Result<Verdict> {
        let records = crate::host::journal(config)?;
        let mut ids = BTreeSet::new();
        let mut added: BTreeMap<String, usize> = BTreeMap::new();
        for record in &records {
            let event = &record["entry"]["event"];
            if event["connection"] != WECOM {
                continue;
            }
            let id = event["event"]["id"].as_str().context("an event without an id")?;
            ensure!(ids.insert(id), "the event {id:?} stands twice in the journal");
            if event["event"]["fact"]["met"]["bond"] == "added" {
                let who = event["event"]["who"][0]["value"].as_str().context("nobody was added")?;
                *added.entry(who.to_owned()).or_default() += 1;
            }
        }
        let answered = self.answered();
        for customer in &answered {
            let times = added.get(customer).copied().unwrap_or(0);
            ensure!(times == 1, "{customer} was answered, and is in the journal {times} times");
        }
        let errands = self.errands()?;
        let points = self.points(&records)?;
        cli_text(config, &["rebuild", "--check"])?;
        Ok(Verdict { answered: answered.len(), records: records.len(), errands, points })
    }

    /// The shop books points once for each key, so that an errand may be handed over again: under the same key, and for the same
    /// customer. Gives how many were booked.
    fn points(&self, records: &[Value]) -> anyhow::Result<usize> {
        let shop = self.youzan.shop();
        let mut booked = 0;
        let mut errands = BTreeSet::new();
        for record in records {
            let progress = &record["entry"]["progress"];
            let Some(errand) = progress["intent"].as_str() else { continue };
            let accounts = shop.wallet.booked(errand);
            ensure!(accounts.len() <= 1, "the errand {errand} gave points to {accounts:?}");
            let is_sent = progress["state"] == "sent" && progress["connection"] == crate::tenant::YOUZAN;
            ensure!(
                !is_sent || accounts.len() == 1,
                "the errand {errand} is told as sent and was not booked"
            );
            if errands.insert(errand) {
                booked += accounts.len();
            }
        }
        let bookings = shop.wallet.bookings();
        ensure!(bookings == booked, "{bookings} bookings, of which {booked} are an errand's of the journal");
        let given: i64 = shop.wallet.points.values().sum();
        ensure!(given == POINTS * i64::try_from(booked)?, "{given} points for {booked} errands");
        let promised = self.pushes.lock().points;
        ensure!(booked as u64 <= promised, "{booked} bookings, and {promised} were promised");
        Ok(booked)
    }

    /// Each text was to be brought to each customer at most once.
    fn errands(&self) -> anyhow::Result<usize> {
        let corp = self.wecom.corp();
        let mut asked: BTreeSet<(&str, &str)> = BTreeSet::new();
        for task in corp.outbox.tasks.values() {
            for customer in task.targets.keys() {
                let is_first = asked.insert((&task.words.text, customer));
                ensure!(is_first, "{:?} was carried to {customer} twice", task.words.text);
            }
        }
        Ok(asked.len())
    }
}
