//! The host's side of everything that a connector may import. The one list of it.
//!
//! To add an interface: a file beside these, a case of `Import`, a hostile guest in the tests.

mod clock;
mod http;
mod log;
mod memory;

use abi::v0_1 as wit;
use wasmtime::component::Linker;

use crate::call::State;

/// An interface that an operator may grant to a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Import {
    Http,
    Memory,
    Clock,
    Log,
}

impl Import {
    pub const ALL: [Import; 4] = [Import::Http, Import::Memory, Import::Clock, Import::Log];

    /// As it stands in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Import::Http => "http",
            Import::Memory => "memory",
            Import::Clock => "clock",
            Import::Log => "log",
        }
    }

    /// As it stands in a component.
    #[must_use]
    pub fn interface(self) -> &'static str {
        match self {
            Import::Http => wit::HTTP,
            Import::Memory => wit::MEMORY,
            Import::Clock => wit::CLOCK,
            Import::Log => wit::LOG,
        }
    }

    pub(crate) fn link(self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        match self {
            Import::Http => http::link(linker),
            Import::Memory => memory::link(linker),
            Import::Clock => clock::link(linker),
            Import::Log => log::link(linker),
        }
    }
}

/// Which interfaces a connector may import. The hosts that it may reach are granted to a connection, see `Http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    pub imports: Vec<Import>,
}

impl Grants {
    /// Every interface of the contract.
    #[must_use]
    pub fn all() -> Grants {
        Grants { imports: Import::ALL.to_vec() }
    }

    /// Nothing: what a policy gets.
    #[must_use]
    pub fn none() -> Grants {
        Grants { imports: Vec::new() }
    }
}
