//! The three simulated platforms of one brand, under one clock.

use crate::clock::SimClock;
use crate::tmall::{TmallConfig, TmallSim};
use crate::wecom::{WecomConfig, WecomSim};
use crate::youzan::{YouzanConfig, YouzanSim};

/// Clones are the same platforms.
#[derive(Clone)]
pub struct Platforms {
    pub wecom: WecomSim,
    pub youzan: YouzanSim,
    pub tmall: TmallSim,
    pub clock: SimClock,
}

impl Platforms {
    /// An invented corp and two invented shops, at `now_ms`.
    pub async fn start(now_ms: u64) -> anyhow::Result<Self> {
        let clock = SimClock::at(now_ms);
        Ok(Self {
            wecom: WecomSim::start(WecomConfig::demo(clock.clone())).await?,
            youzan: YouzanSim::start(YouzanConfig::demo(clock.clone())).await?,
            tmall: TmallSim::start(TmallConfig::demo(clock.clone())).await?,
            clock,
        })
    }
}
