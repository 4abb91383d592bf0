//! Errands: what the platform sends at once, and what it asks staff to confirm.
//!
//! A call has a wall, and what was sent must come back before it: so errands are done in units, the urgent first, and those
//! that there is no more time for are left for the next call. Errands that say the same are one unit: one task for a member
//! of staff to confirm, one post.
//!
//! Keys of the memory are held before the first call of the API, in one order: posts, then tags, then the token. Chores hold
//! them in the same order, so that no two calls wait for each other.

mod attachment;
pub mod friend;
mod message;
mod notice;
mod post;
mod remark;
mod staff_task;
mod tag;
mod welcome;

use std::collections::BTreeMap;

use heliu_sdk::Host;
use heliu_sdk::chores::Chore;
use heliu_sdk::connector::{Ability, Carriage, Delivery, Errand, Outcome};
use heliu_sdk::events::Instant;
use heliu_sdk::faults::Fault;
use serde::Deserialize;
use serde_json::Value;

use crate::identity;
use crate::rest::Api;
use crate::settings::Settings;

pub use post::{Post, held};

/// Calls of the API after which no unit is begun. The host allows 64 in one call of the connector, and a unit takes five.
const CALLS_MAX: u32 = 50;
/// Time after which no unit is begun: the host ends a call after 30 s, and one request may take 20.
const BEGIN_MS: u64 = 8_000;
/// Posts in one call: each holds a key of the memory, of which the host allows eight.
const POSTS_MAX: usize = 4;
/// Customers in one task, by the platform's page.
const CUSTOMERS_MAX: usize = 10_000;
/// Errands whose ends lie in one such stretch are one task, which ends with the earliest: a policy that says “for a day” of
/// everybody who bought shall not ask staff for as many confirmations as there are buyers.
const END_MS: u64 = 60 * 60 * 1000;

const SCENES: [(&str, Scene, Carriage); 8] = [
    ("welcome", Scene::Welcome, Carriage::Sends),
    ("direct-message", Scene::Direct, Carriage::AsksStaff),
    ("group-message", Scene::Group, Carriage::AsksStaff),
    ("moments", Scene::Post, Carriage::AsksStaff),
    ("tag", Scene::Tag, Carriage::Sends),
    ("remark", Scene::Remark, Carriage::Sends),
    ("friend-request", Scene::Friend, Carriage::AsksStaff),
    ("staff-task", Scene::StaffTask, Carriage::Sends),
];

/// In the order in which they are done: a welcome is of no use after twenty seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    Welcome,
    Direct,
    Group,
    Post,
    Tag,
    Remark,
    Friend,
    StaffTask,
}

/// What a policy says besides text and content. Keys that are not ours are its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    welcome_code: Option<String>,
    /// Of the platform's shape: `{"msgtype":"link","link":{…}}`.
    attachments: Vec<Value>,
    chat_ids: Vec<String>,
    /// Of the platform's shape.
    visible_range: Option<Value>,
    /// Names of the tags whose bearers see a post.
    tags: Vec<String>,
    add: Vec<String>,
    remove: Vec<String>,
    remark: Option<String>,
    description: Option<String>,
    /// Until when a task for staff is to be done, in milliseconds. Of another scene's it is the policy's own.
    due: Value,
}

/// One errand, read.
struct Parcel<'a> {
    errand: &'a Errand,
    detail: Detail,
    /// Her `external_userid`. Of somebody who is no friend yet, her number; a task for staff may be about either.
    her: String,
}

/// One call's work.
struct Bag<'a> {
    settings: &'a Settings,
    api: Api<'a>,
    now: Instant,
    chores: Vec<Chore>,
}

/// What the descriptor says of the scenes.
pub fn abilities() -> Vec<Ability> {
    let ability = |&(scene, _, carriage): &(&str, Scene, Carriage)| Ability { scene: scene.into(), carriage };
    SCENES.iter().map(ability).collect()
}

/// Carries the errands.
pub fn carry(settings: &Settings, errands: &[Errand], host: &mut dyn Host) -> Delivery {
    let now = host.now();
    let read: Vec<Result<(Scene, Parcel<'_>), Fault>> =
        errands.iter().map(|errand| Parcel::read(settings, errand, now)).collect();
    let units = units(&read);
    let posts = |unit: &Vec<usize>| scene_of(&read, unit) == Some(Scene::Post);
    let left_out: Vec<Vec<usize>> =
        units.iter().filter(|unit| posts(unit)).skip(POSTS_MAX).cloned().collect();
    hold(&read, &units, host);
    let now = host.now();
    let mut outcomes: Vec<Option<Outcome>> =
        read.iter().map(|parcel| parcel.as_ref().err().map(|fault| Outcome::Failed(fault.clone()))).collect();
    let mut bag = match Api::new(settings, host) {
        Ok(api) => Bag { settings, api, now, chores: Vec::new() },
        Err(fault) => {
            let failed = |outcome: Option<Outcome>| outcome.unwrap_or(Outcome::Failed(fault.clone()));
            return Delivery { outcomes: outcomes.into_iter().map(failed).collect(), chores: Vec::new() };
        }
    };
    let mut ended: Vec<(Option<Scene>, Fault)> = Vec::new();
    for unit in &units {
        let Some(scene) = scene_of(&read, unit) else { continue };
        let parcels: Vec<&Parcel<'_>> =
            unit.iter().filter_map(|&at| read[at].as_ref().ok()).map(|(_, parcel)| parcel).collect();
        let end =
            ended.iter().find(|(of, _)| of.is_none_or(|of| of == scene)).map(|(_, fault)| fault.clone());
        let done = match end {
            Some(fault) => fail(&parcels, &fault),
            None if left_out.contains(unit) || !bag.has_room() => fail(&parcels, &next_call()),
            None => bag.unit(scene, &parcels),
        };
        ended.extend(done.iter().find_map(|outcome| ends(outcome, scene)));
        for (&at, outcome) in unit.iter().zip(done) {
            outcomes[at] = Some(outcome);
        }
    }
    let outcomes =
        outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Failed(next_call()))).collect();
    Delivery { outcomes, chores: bag.chores }
}

/// Groups errands that are done together, the urgent first; otherwise in the order in which they came.
fn units(read: &[Result<(Scene, Parcel<'_>), Fault>]) -> Vec<Vec<usize>> {
    let mut units: Vec<(Scene, Vec<usize>)> = Vec::new();
    let mut open: BTreeMap<(Scene, String), usize> = BTreeMap::new();
    for (at, parcel) in read.iter().enumerate() {
        let Ok((scene, parcel)) = parcel else { continue };
        let key = match scene {
            Scene::Direct | Scene::Group => parcel.content_key(),
            Scene::Post => post::key(parcel),
            Scene::Welcome | Scene::Tag | Scene::Remark | Scene::Friend | Scene::StaffTask => at.to_string(),
        };
        match open.get(&(*scene, key.clone())).map(|&unit| &mut units[unit].1) {
            Some(all) if all.len() < CUSTOMERS_MAX => all.push(at),
            Some(_) | None => {
                open.insert((*scene, key), units.len());
                units.push((*scene, vec![at]));
            }
        }
    }
    units.sort_by_key(|(scene, _)| *scene);
    units.into_iter().map(|(_, all)| all).collect()
}

fn scene_of(read: &[Result<(Scene, Parcel<'_>), Fault>], unit: &[usize]) -> Option<Scene> {
    unit.first().and_then(|&at| read[at].as_ref().ok()).map(|(scene, _)| *scene)
}

fn hold(read: &[Result<(Scene, Parcel<'_>), Fault>], units: &[Vec<usize>], host: &mut dyn Host) {
    let first = |unit: &Vec<usize>| unit.first().and_then(|&at| read[at].as_ref().ok());
    let of = |wanted: Scene| units.iter().filter_map(first).filter(move |(scene, _)| *scene == wanted);
    let mut posts: Vec<String> =
        of(Scene::Post).take(POSTS_MAX).map(|(_, parcel)| post::key(parcel)).collect();
    posts.sort();
    posts.iter().for_each(|key| host.hold(key));
    let names = of(Scene::Tag)
        .flat_map(|(_, parcel)| parcel.detail.add.iter().chain(&parcel.detail.remove))
        .chain(of(Scene::Post).flat_map(|(_, parcel)| &parcel.detail.tags));
    let mut unknown = false;
    for name in names {
        unknown |= !tag::is_known(host, name);
    }
    if unknown {
        host.hold(tag::HELD);
    }
}

/// After which outcome there is no sense in going on: for one scene, or for none.
fn ends(outcome: &Outcome, scene: Scene) -> Option<(Option<Scene>, Fault)> {
    match outcome {
        Outcome::Failed(fault @ (Fault::Later(_) | Fault::Unauthorised(_))) => Some((None, fault.clone())),
        Outcome::Failed(fault @ Fault::Misconfigured(_)) => Some((Some(scene), fault.clone())),
        Outcome::Failed(Fault::Malformed(_)) | Outcome::Sent(_) | Outcome::AwaitingStaff(_) => None,
    }
}

fn next_call() -> Fault {
    Fault::later("there was no time left for it in this call; the next one does it", Some(1))
}

fn fail(parcels: &[&Parcel<'_>], fault: &Fault) -> Vec<Outcome> {
    parcels.iter().map(|_| Outcome::Failed(fault.clone())).collect()
}

fn no(why: impl Into<String>) -> Fault {
    Fault::Malformed(why.into())
}

impl<'a> Parcel<'a> {
    fn read(settings: &Settings, errand: &'a Errand, now: Instant) -> Result<(Scene, Parcel<'a>), Fault> {
        let scene = SCENES.iter().find(|(name, _, _)| *name == errand.scene).map(|(_, scene, _)| *scene);
        let scene = scene.ok_or_else(|| no(format!("scene {:?} is none that WeCom plays", errand.scene)))?;
        // The newest: a corp that was moved gives the same person another one.
        let her = match scene {
            Scene::Friend => identity::phone_of(&errand.to)
                .map(|number| friend::bare(&number))
                .ok_or_else(|| no("she has no phone by which staff could find her"))?,
            Scene::StaffTask => identity::external_of(settings, &errand.to)
                .or_else(|| identity::phone_of(&errand.to))
                .ok_or_else(|| {
                    no("nothing says to staff who she is: no wecom.external-userid here, and no phone")
                })?,
            Scene::Welcome | Scene::Direct | Scene::Group | Scene::Post | Scene::Tag | Scene::Remark => {
                identity::external_of(settings, &errand.to)
                    .ok_or_else(|| no(format!("she has no wecom.external-userid in {}", settings.corp_id)))?
            }
        };
        let detail = serde_json::from_str::<Option<Detail>>(&errand.detail)
            .map_err(|error| no(format!("the intent's detail does not fit: {error}")))?
            .unwrap_or_default();
        let parcel = Parcel { errand, detail, her };
        if errand.not_after.is_some_and(|end| end <= now) {
            return Err(no("its time is over: it is of no use any more"));
        }
        match scene {
            Scene::Welcome => welcome::check(&parcel)?,
            Scene::Direct => message::check(&parcel)?,
            Scene::Group => message::check_group(&parcel)?,
            Scene::Post => post::check(&parcel)?,
            Scene::Tag => tag::check(&parcel)?,
            Scene::Remark => remark::check(&parcel)?,
            Scene::Friend => friend::check(&parcel)?,
            Scene::StaffTask => staff_task::check(&parcel)?,
        }
        Ok((scene, parcel))
    }

    fn text(&self) -> &str {
        self.errand.text.as_deref().unwrap_or_default()
    }

    fn staff(&self) -> Result<&str, Fault> {
        let why = || no(format!("scene {:?} needs the member of staff who does it", self.errand.scene));
        self.errand.staff.as_deref().filter(|staff| !staff.is_empty()).ok_or_else(why)
    }

    /// Something to say, and not more of it than the platform takes.
    fn check_message(&self, text_bytes_max: usize) -> Result<(), Fault> {
        let text = self.text();
        if text.is_empty() && self.detail.attachments.is_empty() {
            return Err(no("it says nothing: give text, or detail.attachments"));
        }
        if text.len() > text_bytes_max {
            return Err(no(format!("its text has {} bytes, and WeCom takes {text_bytes_max}", text.len())));
        }
        Ok(())
    }

    /// In which stretch its end lies.
    fn end(&self) -> Option<u64> {
        self.errand.not_after.map(|end| end / END_MS)
    }
}

/// When the first of them is of no use any more.
fn earliest(parcels: &[&Parcel<'_>]) -> Option<Instant> {
    parcels.iter().filter_map(|parcel| parcel.errand.not_after).min()
}

impl Bag<'_> {
    fn has_room(&mut self) -> bool {
        self.api.calls() < CALLS_MAX && self.api.host().now().saturating_sub(self.now) < BEGIN_MS
    }

    fn unit(&mut self, scene: Scene, parcels: &[&Parcel<'_>]) -> Vec<Outcome> {
        let one = |done: Result<(), Fault>| vec![done.map_or_else(Outcome::Failed, |()| Outcome::Sent(None))];
        match (scene, parcels) {
            (_, []) => Vec::new(),
            (Scene::Welcome, [parcel, ..]) => one(welcome::send(self, parcel)),
            (Scene::Tag, [parcel, ..]) => one(tag::mark(self, parcel)),
            (Scene::Remark, [parcel, ..]) => one(remark::write(self, parcel)),
            (Scene::Friend, [parcel, ..]) => {
                vec![friend::ask(self, parcel).unwrap_or_else(Outcome::Failed)]
            }
            (Scene::StaffTask, [parcel, ..]) => {
                vec![staff_task::tell(self, parcel).map_or_else(Outcome::Failed, Outcome::Sent)]
            }
            (Scene::Direct, [first, ..]) => message::direct(self, first, parcels),
            (Scene::Group, [first, ..]) => message::group(self, first, parcels),
            (Scene::Post, [first, ..]) => post::carry(self, first, parcels),
        }
    }
}
