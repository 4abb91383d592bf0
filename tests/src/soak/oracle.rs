//! What was promised, kept by those to whom it was: clients that note what they were answered, and a platform that counts what
//! it was handed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use parking_lot::Mutex;

use super::STAFF;
use crate::WecomSim;
use crate::host::cli_text;
use crate::tenant::WECOM;
use crate::wecom::corp::{Customer, Relation};
use crate::wecom::{Change, Contact, WecomEvent};

/// A platform cuts the connection after five seconds. A host under a debugger, or on a machine that does other things, is
/// given longer: what is not answered is only sent again.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The platform's side of all pushes. Clones are the same one.
#[derive(Clone)]
pub struct Oracle {
    wecom: WecomSim,
    client: reqwest::Client,
    pushes: Arc<Mutex<Pushes>>,
}

#[derive(Default)]
struct Pushes {
    made: u64,
    /// Not answered with 200 yet; sent again like new ones.
    open: VecDeque<Push>,
    answered: BTreeSet<String>,
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
}

impl Oracle {
    pub fn new(wecom: &WecomSim) -> anyhow::Result<Oracle> {
        wecom.corp().hire(STAFF, "林");
        Ok(Oracle { wecom: wecom.clone(), client: crate::web::client(ANSWER_MAX)?, pushes: Arc::default() })
    }

    /// So many more customers are to add a member of staff.
    pub fn plan(&self, count: u64) {
        let at_s = self.wecom.config().clock.now_s();
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
        cli_text(config, &["rebuild", "--check"])?;
        Ok(Verdict { answered: answered.len(), records: records.len(), errands })
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
