//! What a token opens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One right. None of them holds another: who looks after the host need not read customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Customers, what is known of them and what should reach them.
    Read,
    /// Say who is who, propose, and see to requests that were not understood.
    Operate,
    /// How the host is, and what moves it.
    Administer,
}

impl Scope {
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::Operate, Scope::Administer];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Operate => "operate",
            Scope::Administer => "administer",
        }
    }

    /// `read, operate`, for people.
    #[must_use]
    pub fn listed(scopes: &[Scope]) -> String {
        scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Scope, String> {
        let found = Scope::ALL.into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| format!("\"{text}\" is no scope: there are {}", Scope::listed(&Scope::ALL)))
    }
}
