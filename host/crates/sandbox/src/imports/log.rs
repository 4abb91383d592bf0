//! `log`: the last lines of a call, for its report.

use abi::v0_1 as wit;
use wasmtime::component::{HasData, Linker};

use crate::call::{CallLog, Level, State};
use crate::limits::Limits;

pub(super) struct LogView<'a> {
    log: &'a mut CallLog,
    limits: &'a Limits,
}

struct HasLog;

impl HasData for HasLog {
    type Data<'a> = LogView<'a>;
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wit::log::add_to_linker::<State, HasLog>(linker, |state| LogView {
        log: &mut state.log,
        limits: &state.limits,
    })
}

impl wit::log::Host for LogView<'_> {
    fn log(&mut self, level: wit::log::Level, text: String) -> wasmtime::Result<()> {
        let level = match level {
            wit::log::Level::Debug => Level::Debug,
            wit::log::Level::Info => Level::Info,
            wit::log::Level::Warn => Level::Warn,
            wit::log::Level::Error => Level::Error,
        };
        self.log.push(level, &text, self.limits);
        Ok(())
    }
}
