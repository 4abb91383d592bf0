//! `memory`: reads what the connection remembers, collects what the call wants to remember.

use abi::v0_1 as wit;
use model::{Instant, MemoryCell};
use wasmtime::component::{HasData, Linker};

use crate::call::{CallMemory, Clock, State};
use crate::limits::Limits;

pub(super) struct MemoryView<'a> {
    memory: &'a mut CallMemory,
    clock: &'a Clock,
    limits: &'a Limits,
}

impl MemoryView<'_> {
    fn now(&self) -> Instant {
        (self.clock)()
    }
}

struct HasMemory;

impl HasData for HasMemory {
    type Data<'a> = MemoryView<'a>;
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wit::memory::add_to_linker::<State, HasMemory>(linker, |state| MemoryView {
        memory: &mut state.memory,
        clock: &state.clock,
        limits: &state.limits,
    })
}

impl wit::memory::Host for MemoryView<'_> {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.memory.get(&key, self.now()))
    }

    fn set(&mut self, key: String, value: Vec<u8>, ttl_ms: Option<u64>) -> wasmtime::Result<()> {
        let now = self.now();
        let expires = ttl_ms.map(|ttl| now.saturating_add(ttl));
        Ok(self.memory.set(MemoryCell { key, value, expires }, now, self.limits)?)
    }

    async fn hold(&mut self, key: String) -> wasmtime::Result<()> {
        Ok(self.memory.hold(key, self.limits).await?)
    }

    fn delete(&mut self, key: String) -> wasmtime::Result<()> {
        Ok(self.memory.delete(key, self.limits)?)
    }
}
