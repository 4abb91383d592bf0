//! A skin-care brand whose customers live on the simulated platforms.
//!
//! `Brand::new(seed, customers, days)` is a pure function of its arguments: who the customers are, and
//! everything that happens to them, in the order of time. Playing a happening changes the platforms' state
//! and delivers what they would push; [`Brand::truth`] says what a host must know in the end.
//!
//! What makes it a test: people who meet on two or three platforms and can be joined by a phone or by the card in a
//! parcel only, or cannot;
//! pushes that come twice, at once or a day later; orders of which nothing is ever pushed; two contacts
//! within one second; a tag group saved with all its tags at once; people who buy again in time, late, or
//! never.

mod calendar;
pub mod catalogue;
mod contacts;
pub mod people;
mod play;
mod purchases;
mod steps;
mod timeline;
mod trades;
mod truth;

use std::collections::{HashMap, HashSet};

pub use calendar::Calendar;
pub use people::{CARD_PREFIX, Card, Person, Presence};
pub use play::{Hooks, Parcel, Tally};
pub use truth::{OrderTruth, PersonTruth, TradeTruth, Truth};

use crate::tmall;
use crate::youzan::{NamedBy, Order, Refund};

/// Monday 2026-03-02 in GMT+8.
pub const START_MS: u64 = 1_772_380_800_000;

pub struct Brand {
    calendar: Calendar,
    people: Vec<Person>,
    timeline: Vec<Happening>,
    /// Happenings that are delivered again later, and what was delivered for them.
    awaited: HashSet<u32>,
    kept: HashMap<u32, Vec<Parcel>>,
}

/// One thing that happens. Plain value: comparing two timelines compares two lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Its own number, for redeliveries to name.
    pub id: u32,
    pub at_ms: u64,
    /// It happens, but the platform never pushes it: only asking finds it.
    pub is_lost: bool,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Wecom(WecomStep),
    /// In the Youzan shop.
    Shop(ShopStep),
    Tmall(TmallStep),
    /// The platform delivers an earlier happening's pushes again, byte for byte where it would.
    Redelivered {
        of: u32,
    },
}

/// People are indices into [`Brand::people`]; staff, channels, chats and tag groups into the [`catalogue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WecomStep {
    /// A visitor of an acquisition link pressed "add". Anonymous.
    FriendRequested {
        channel: usize,
    },
    ContactHalfAdded {
        person: usize,
        staff: usize,
        welcome_code: Option<String>,
    },
    ContactAdded {
        person: usize,
        staff: usize,
        state: String,
        add_way: u32,
        welcome_code: Option<String>,
    },
    ChatStarted {
        person: usize,
        staff: usize,
    },
    ContactEdited {
        person: usize,
        staff: usize,
        edit: Edit,
    },
    /// The customer removed the staff.
    ContactLeft {
        person: usize,
        staff: usize,
    },
    /// The staff removed the customer.
    ContactDeleted {
        person: usize,
        staff: usize,
    },
    ChatCreated {
        chat: usize,
    },
    ChatJoined {
        chat: usize,
        people: Vec<usize>,
        by_qr: bool,
    },
    ChatQuit {
        chat: usize,
        people: Vec<usize>,
        is_removed: bool,
    },
    ChatRenamed {
        chat: usize,
        name: String,
    },
    ChatNoticed {
        chat: usize,
        notice: String,
    },
    ChatOwnerChanged {
        chat: usize,
        staff: usize,
    },
    /// The group and each of its tags give one event, all in one second.
    TagGroupSaved {
        group: usize,
    },
}

/// What staff writes about a customer. Absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    pub remark: Option<String>,
    pub mobile: Option<String>,
    pub add_tags: Vec<&'static str>,
    pub drop_tags: Vec<&'static str>,
    pub personal_tag: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShopStep {
    CustomerSeen {
        person: usize,
        named_by: NamedBy,
        is_new: bool,
    },
    OrderPlaced {
        order: Box<Order>,
    },
    OrderPaid {
        tid: String,
    },
    OrderShipped {
        tid: String,
    },
    OrderSucceeded {
        tid: String,
    },
    OrderClosed {
        tid: String,
        close_type: u8,
    },
    /// Asked for, or done: see [`Refund::done_ms`].
    Refund {
        refund: Box<Refund>,
    },
    Points {
        person: usize,
        amount: i64,
        total: i64,
        biz_value: String,
    },
    Coupon {
        person: usize,
        coupon_id: u64,
        code: String,
        is_used: bool,
    },
    CardGiven {
        person: usize,
        card_no: String,
    },
}

/// In the Tmall shop. The platform pushes nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TmallStep {
    TradePlaced {
        trade: Box<tmall::Trade>,
    },
    TradePaid {
        tid: u64,
    },
    TradeShipped {
        tid: u64,
    },
    TradeFinished {
        tid: u64,
    },
    TradeClosedUnpaid {
        tid: u64,
    },
    /// In one of its states.
    Refund {
        refund: Box<tmall::Refund>,
    },
}

impl Brand {
    /// The life of `customers` people over `days` days from [`START_MS`].
    pub fn new(seed: u64, customers: usize, days: u64) -> Self {
        Self::starting_at(START_MS, seed, customers, days)
    }

    /// `start_ms` should be a midnight in GMT+8; with a Monday, flash sales are on Fridays.
    pub fn starting_at(start_ms: u64, seed: u64, customers: usize, days: u64) -> Self {
        let calendar = Calendar { start_ms, days };
        let people = people::people(seed, customers, &calendar);
        let timeline = timeline::timeline(seed, &people, &calendar);
        let awaited = timeline.iter().filter_map(Happening::redelivers).collect();
        Self { calendar, people, timeline, awaited, kept: HashMap::new() }
    }

    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Everything that happens, in the order of time.
    pub fn timeline(&self) -> Vec<Happening> {
        self.timeline.clone()
    }
}

impl Happening {
    fn wecom(at_ms: u64, step: WecomStep) -> Self {
        Self { id: 0, at_ms, is_lost: false, what: What::Wecom(step) }
    }

    fn shop(at_ms: u64, step: ShopStep) -> Self {
        Self { id: 0, at_ms, is_lost: false, what: What::Shop(step) }
    }

    fn tmall(at_ms: u64, step: TmallStep) -> Self {
        Self { id: 0, at_ms, is_lost: false, what: What::Tmall(step) }
    }

    fn redelivers(&self) -> Option<u32> {
        match self.what {
            What::Redelivered { of } => Some(of),
            What::Wecom(_) | What::Shop(_) | What::Tmall(_) => None,
        }
    }

    /// A platform tells the host of it.
    fn is_pushed(&self) -> bool {
        !self.is_lost && !matches!(self.what, What::Tmall(_))
    }

    fn edits_contact(&self) -> bool {
        matches!(self.what, What::Wecom(WecomStep::ContactEdited { .. }))
    }
}

#[cfg(test)]
mod tests;
