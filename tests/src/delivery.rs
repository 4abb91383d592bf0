//! How a push ends: what the platform saw of the receiver.

use std::time::Duration;

use crate::web;

/// A platform's patience with a receiver.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Per attempt; both WeCom and Youzan cut the connection after 5 s.
    pub timeout: Duration,
    /// In total, the first one included.
    pub attempts_max: u32,
    /// Between two attempts. The platforms wait seconds to hours; a test need not.
    pub pause: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub attempts: u32,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted {
        status: u16,
        body: String,
    },
    /// The platform will not try again; the text says what the last attempt met.
    GaveUp {
        last: String,
    },
}

impl Delivery {
    pub fn is_accepted(&self) -> bool {
        matches!(self.outcome, Outcome::Accepted { .. })
    }
}

/// One answer of the receiver, or why there was none.
pub(crate) type Attempt = Result<(u16, String), reqwest::Error>;

pub(crate) fn client(patience: &Patience) -> anyhow::Result<reqwest::Client> {
    web::client(patience.timeout)
}

pub(crate) async fn send(request: reqwest::RequestBuilder) -> Attempt {
    let response = request.send().await?;
    let status = response.status().as_u16();
    Ok((status, response.text().await?))
}

/// Tries until `is_accepted` says so or the patience ends. `request` is asked anew for each attempt,
/// counted from 0, because platforms seal or count each one.
pub(crate) async fn deliver(
    patience: &Patience,
    mut request: impl FnMut(u32) -> reqwest::RequestBuilder,
    is_accepted: impl Fn(u16, &str) -> bool,
) -> Delivery {
    let mut last = String::from("no attempt was allowed");
    for attempt in 0..patience.attempts_max {
        if attempt > 0 && !patience.pause.is_zero() {
            tokio::time::sleep(patience.pause).await;
        }
        match send(request(attempt)).await {
            Ok((status, body)) if is_accepted(status, &body) => {
                return Delivery { attempts: attempt + 1, outcome: Outcome::Accepted { status, body } };
            }
            Ok((status, body)) => last = format!("status {status}, body {body:?}"),
            Err(fault) => last = format!("{fault:#}"),
        }
    }
    Delivery { attempts: patience.attempts_max, outcome: Outcome::GaveUp { last } }
}
