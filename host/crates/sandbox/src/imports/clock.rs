//! `clock`: the call's time, and bytes from the system's secure source.

use abi::v0_1 as wit;
use model::Instant;
use wasmtime::component::{HasData, Linker};

use crate::call::{Clock, State};
use crate::limits::Limits;
use crate::stop::Stop;

pub(super) struct ClockView<'a> {
    clock: &'a Clock,
    limits: &'a Limits,
}

struct HasClock;

impl HasData for HasClock {
    type Data<'a> = ClockView<'a>;
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wit::clock::add_to_linker::<State, HasClock>(linker, |state| ClockView {
        clock: &state.clock,
        limits: &state.limits,
    })
}

impl wit::clock::Host for ClockView<'_> {
    fn now(&mut self) -> wasmtime::Result<Instant> {
        Ok((self.clock)())
    }

    fn random(&mut self, n: u32) -> wasmtime::Result<Vec<u8>> {
        if n > self.limits.random_bytes {
            let text = format!("it asked for {n} random bytes");
            return Err(Stop::limit("random_bytes", self.limits.random_bytes, text).into());
        }
        let mut bytes = vec![0; n as usize];
        getrandom::fill(&mut bytes).map_err(|error| Stop::Bug(format!("no random source: {error}")))?;
        Ok(bytes)
    }
}
