//! Answers from a list instead of the network: for goldens and for trying a plugin by hand.

use std::sync::Mutex;

use serde_json::Value;

use super::request::CheckedRequest;
use super::{HttpRefusal, HttpResponse};

/// What a plugin may ask for, and what it is answered. May answer several times.
#[derive(Clone, Debug, PartialEq)]
pub struct Taped {
    pub method: String,
    /// Compared as text.
    pub url: String,
    /// None: any body.
    pub body: Option<TapedBody>,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub response: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TapedBody {
    Bytes(Vec<u8>),
    /// Compared as values: neither spaces nor the order of keys matter.
    Json(Value),
}

pub(super) struct Cassette {
    /// None: closed, nothing is answered.
    entries: Option<Vec<Taped>>,
    missed: Mutex<Vec<String>>,
}

impl Cassette {
    pub(super) fn new(entries: Vec<Taped>) -> Cassette {
        Cassette { entries: Some(entries), missed: Mutex::default() }
    }

    pub(super) fn closed() -> Cassette {
        Cassette { entries: None, missed: Mutex::default() }
    }

    pub(super) fn missed(&self) -> Vec<String> {
        self.missed.lock().map(|missed| missed.clone()).unwrap_or_default()
    }

    pub(super) fn send(&self, request: &CheckedRequest) -> Result<HttpResponse, HttpRefusal> {
        let entry = self.entries.iter().flatten().find(|entry| entry.answers(request));
        if let Some(entry) = entry {
            let Taped { method: _, url: _, body: _, status, headers, response } = entry.clone();
            return Ok(HttpResponse { status, headers, body: response });
        }
        let asked = format!("{} {}", request.method, request.text);
        if let Ok(mut missed) = self.missed.lock() {
            let body = request.body.as_deref().map(|body| format!("\n{}", String::from_utf8_lossy(body)));
            missed.push(format!("{asked}{}", body.unwrap_or_default()));
        }
        match self.entries {
            Some(_) => Err(HttpRefusal::Unreachable(format!("not in the cassette: {asked}"))),
            None => Err(HttpRefusal::NotGranted(format!("no outbound http here: {asked}"))),
        }
    }
}

impl Taped {
    fn answers(&self, request: &CheckedRequest) -> bool {
        self.method == request.method.as_str()
            && self.url == request.text
            && match &self.body {
                None => true,
                Some(TapedBody::Bytes(bytes)) => request.body.as_deref().unwrap_or_default() == bytes,
                Some(TapedBody::Json(value)) => request
                    .body
                    .as_deref()
                    .and_then(|body| serde_json::from_slice::<Value>(body).ok())
                    .is_some_and(|body| body == *value),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Http, HttpRequest};
    use crate::limits::Limits;

    fn entry(body: Option<TapedBody>, status: u16) -> Taped {
        Taped {
            method: "POST".to_owned(),
            url: "https://a.example/x".to_owned(),
            body,
            status,
            headers: Vec::new(),
            response: Vec::new(),
        }
    }

    async fn ask(http: &Http, body: &str) -> Result<u16, String> {
        let request = HttpRequest {
            method: "POST".to_owned(),
            url: "https://a.example/x".to_owned(),
            headers: Vec::new(),
            body: Some(body.as_bytes().to_owned()),
        };
        http.send(request, &Limits::default())
            .await
            .map(|response| response.status)
            .map_err(|e| e.to_string())
    }

    #[tokio::test]
    async fn the_first_entry_that_fits_answers_as_often_as_it_is_asked() {
        let http = Http::cassette(vec![
            entry(Some(TapedBody::Json(serde_json::json!({"a": 1, "b": 2}))), 201),
            entry(Some(TapedBody::Bytes(b"raw".to_vec())), 202),
        ]);
        for _ in 0..2 {
            assert_eq!(ask(&http, r#"{ "b": 2, "a": 1 }"#).await, Ok(201));
        }
        assert_eq!(ask(&http, "raw").await, Ok(202));
        assert!(
            ask(&http, "other")
                .await
                .is_err_and(|text| text.contains("not in the cassette: POST https://a."))
        );
        assert_eq!(http.missed(), ["POST https://a.example/x\nother"]);
    }

    #[tokio::test]
    async fn a_closed_network_says_what_was_asked_for() {
        let http = Http::closed();
        assert!(ask(&http, "").await.is_err_and(|text| text.contains("https://a.example/x")));
        assert_eq!(http.missed().len(), 1);
    }
}
