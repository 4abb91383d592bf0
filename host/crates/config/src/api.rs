//! `[api]`: who may read.

use serde::Deserialize;

use crate::secret::{Source, Surroundings};
use crate::{Problem, Secret};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiSection {
    /// What a caller of `/api/v1` must show, as `Authorization: Bearer …`. A text, `{ file = "api.token" }` or
    /// `{ env = "HELIU_TOKEN" }`.
    token: Source,
}

impl ApiSection {
    pub(crate) fn resolve(self, surroundings: &Surroundings<'_>) -> Result<Secret, Problem> {
        let ApiSection { token } = self;
        let token = token.resolve("token", surroundings)?;
        if token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(token)
        } else {
            Err(Problem::wrong(
                "token",
                "has letters that a header cannot carry: use ASCII letters, digits and signs, no spaces",
            ))
        }
    }
}
