//! `http`: outbound requests, to the granted hosts alone.

use abi::v0_1 as wit;
use wasmtime::component::{HasData, Linker};

use crate::call::State;
use crate::http::{Http, HttpRefusal, HttpRequest};
use crate::limits::Limits;
use crate::stop::{HostCall, Stop};

pub(super) struct HttpView<'a> {
    http: &'a Http,
    requests: &'a mut usize,
    limits: &'a Limits,
}

struct HasHttp;

impl HasData for HasHttp {
    type Data<'a> = HttpView<'a>;
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wit::http::add_to_linker::<State, HasHttp>(linker, |state| HttpView {
        http: &state.http,
        requests: &mut state.http_requests,
        limits: &state.limits,
    })
}

impl wit::http::Host for HttpView<'_> {
    async fn send(
        &mut self,
        request: wit::http::Request,
    ) -> wasmtime::Result<Result<wit::http::Response, wit::http::Failure>> {
        *self.requests += 1;
        if *self.requests > self.limits.http_requests {
            let flood = HttpRefusal::Flood { limit: self.limits.http_requests };
            return HostCall::from(flood).into_result();
        }
        let wit::http::Request { method, url, headers, body } = request;
        let request = HttpRequest { method, url, headers, body };
        match self.http.send(request, self.limits).await {
            Ok(response) => Ok(Ok(wit::http::Response {
                status: response.status,
                headers: response.headers,
                body: response.body,
            })),
            Err(refusal) => HostCall::from(refusal).into_result(),
        }
    }
}

impl From<HttpRefusal> for HostCall<wit::http::Failure> {
    fn from(refusal: HttpRefusal) -> Self {
        use wit::http::Failure;
        match refusal {
            // All of this is the guest's own business: it may go on without the answer.
            HttpRefusal::NotGranted(what) | HttpRefusal::Forbidden(what) => {
                HostCall::Guest(Failure::NotGranted(what))
            }
            HttpRefusal::TimedOut => HostCall::Guest(Failure::TimedOut),
            HttpRefusal::Malformed(why) | HttpRefusal::Unreachable(why) => {
                HostCall::Guest(Failure::Unreachable(why))
            }
            HttpRefusal::TooLarge(_) => HostCall::Guest(Failure::TooLarge),
            // Whoever goes on asking after a whole limit of requests will not stop at a refusal.
            HttpRefusal::Flood { limit } => {
                HostCall::Trap(Stop::limit("http_requests", limit, "it sent more in one call".to_owned()))
            }
            HttpRefusal::Bug(text) => HostCall::Bug(text),
        }
    }
}
