//! Plays happenings on running simulators: changes their state, then delivers what they would push.

use tokio::task::JoinSet;

use super::{Brand, Happening, What, steps};
use crate::delivery::Delivery;
use crate::platforms::Platforms;
use crate::wecom::WecomEvent;
use crate::youzan::Push;

/// Where the host under test listens. A platform without a hook changes state and pushes nothing.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    pub wecom: Option<String>,
    pub youzan: Option<String>,
}

/// One push, ready to be delivered and to be delivered again.
#[derive(Clone, Debug)]
pub enum Parcel {
    Wecom { inner_xml: String },
    Youzan(Box<Push>),
}

/// What became of the pushes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub happenings: u64,
    pub accepted: u64,
    /// The receiver did not take it in all attempts.
    pub refused: u64,
    /// What the last refusal met.
    pub last_refusal: Option<String>,
}

impl Parcel {
    /// None where the platform has no hook.
    pub async fn deliver(&self, on: &Platforms, hooks: &Hooks) -> Option<anyhow::Result<Delivery>> {
        match self {
            Parcel::Wecom { inner_xml } => Some(on.wecom.push_xml(hooks.wecom.as_ref()?, inner_xml).await),
            Parcel::Youzan(push) => Some(Ok(on.youzan.push(hooks.youzan.as_ref()?, push).await)),
        }
    }

    /// The platform's own repetition: the same XML, or the same message with a higher count.
    fn again(&self) -> Self {
        match self {
            Parcel::Wecom { .. } => self.clone(),
            Parcel::Youzan(push) => Parcel::Youzan(Box::new(push.again(1))),
        }
    }
}

impl Brand {
    /// Moves the clocks, changes the state, delivers, and waits for the answers.
    pub async fn play(&mut self, happening: &Happening, on: &Platforms, hooks: &Hooks) -> Tally {
        let mut tally = Tally { happenings: 1, ..Tally::default() };
        for parcel in self.apply(happening, on) {
            tally.count(parcel.deliver(on, hooks).await);
        }
        tally
    }

    /// As [`Brand::play`] for many, with up to `in_flight_max` pushes on their way at once. State changes
    /// in the order of time; pushes may overtake each other, as they do on the platforms.
    pub async fn play_all(
        &mut self,
        happenings: &[Happening],
        on: &Platforms,
        hooks: &Hooks,
        in_flight_max: usize,
    ) -> Tally {
        let mut tally = Tally::default();
        let mut in_flight = JoinSet::new();
        for happening in happenings {
            tally.happenings += 1;
            for parcel in self.apply(happening, on) {
                if in_flight.len() >= in_flight_max.max(1)
                    && let Some(delivered) = in_flight.join_next().await
                {
                    tally.count(delivered.unwrap_or_else(|panic| Some(Err(panic.into()))));
                }
                let (on, hooks) = (on.clone(), hooks.clone());
                in_flight.spawn(async move { parcel.deliver(&on, &hooks).await });
            }
        }
        while let Some(delivered) = in_flight.join_next().await {
            tally.count(delivered.unwrap_or_else(|panic| Some(Err(panic.into()))));
        }
        tally
    }

    /// Changes the clocks and the state alone; the pushes are the caller's to deliver. Happenings must come
    /// in the order of the timeline.
    pub fn apply(&mut self, happening: &Happening, on: &Platforms) -> Vec<Parcel> {
        on.clock.reach(happening.at_ms);
        let parcels: Vec<Parcel> = match &happening.what {
            What::Wecom(step) => {
                let at_s = happening.at_ms / 1000;
                let changes = steps::in_corp(step, &self.people, &mut on.wecom.corp(), at_s);
                let parcel = |change| Parcel::Wecom { inner_xml: on.wecom.xml(&WecomEvent { at_s, change }) };
                changes.into_iter().map(parcel).collect()
            }
            What::Shop(step) => {
                let traded = steps::in_shop(step, &mut on.youzan.shop(), happening.at_ms);
                let push = match traded {
                    Some((step, order)) => {
                        Some(Push::trade(step, &order, &on.youzan.document(&order), happening.at_ms))
                    }
                    None => steps::shop_push(step, &self.people, happening.at_ms),
                };
                push.into_iter().map(|push| Parcel::Youzan(Box::new(push))).collect()
            }
            What::Tmall(step) => {
                steps::in_tmall(step, &mut on.tmall.shop(), happening.at_ms);
                Vec::new()
            }
            What::Redelivered { of } => self.kept.get(of).into_iter().flatten().map(Parcel::again).collect(),
        };
        if self.awaited.contains(&happening.id) {
            self.kept.insert(happening.id, parcels.clone());
        }
        if happening.is_lost { Vec::new() } else { parcels }
    }
}

impl Tally {
    fn count(&mut self, delivered: Option<anyhow::Result<Delivery>>) {
        match delivered {
            None => {}
            Some(Ok(delivery)) if delivery.is_accepted() => self.accepted += 1,
            Some(Ok(delivery)) => self.refuse(format!("{:?}", delivery.outcome)),
            Some(Err(fault)) => self.refuse(format!("{fault:#}")),
        }
    }

    fn refuse(&mut self, met: String) {
        self.refused += 1;
        self.last_refusal = Some(met);
    }
}
