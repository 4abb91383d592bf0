//! The part of an address behind the question mark: percent-decoded, and nothing else.
//!
//! A plus is a plus, as a phone number in a handle needs it. No error repeats what was given: it may name somebody, and
//! callers keep errors in their logs.

use percent_encoding::percent_decode_str;

use crate::error::ApiError;

const LIMIT_DEFAULT: usize = 50;
/// Items of one page. A page of 200 customers is about a megabyte.
const LIMIT_MAX: usize = 200;

/// The parameters of one request, each at most once.
#[derive(Debug)]
pub(crate) struct Query {
    parameters: Vec<(String, String)>,
}

impl Query {
    /// A parameter that the route does not know is refused: a filter that is not applied would answer too much.
    pub(crate) fn parse(query: Option<&str>, known: &[&str]) -> Result<Query, ApiError> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !known.contains(&name.as_str()) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(ApiError::bad_request(format!("unknown parameter; known here: {known}")));
            }
            if parameters.iter().any(|(taken, _)| *taken == name) {
                return Err(ApiError::bad_request(format!("parameter \"{name}\" is given twice")));
            }
            parameters.push((name, value));
        }
        Ok(Query { parameters })
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let number = |text: &str| {
            text.parse().map_err(|_| ApiError::bad_request(format!("parameter \"{name}\" is not a number")))
        };
        self.text(name).map(number).transpose()
    }

    /// How many items the caller wants: 1 to 200, 50 if left out.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        let Some(limit) = self.number("limit")? else { return Ok(LIMIT_DEFAULT) };
        let fit = usize::try_from(limit).ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        fit.ok_or_else(|| {
            ApiError::bad_request(format!("parameter \"limit\": {limit} is not between 1 and {LIMIT_MAX}"))
        })
    }
}

fn decode(text: &str) -> Result<String, ApiError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|_| ApiError::bad_request("a parameter does not decode to UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_a_plus_and_percent_is_decoded() {
        let query = Query::parse(Some("handle=phone::+86%2B1&tag=%E5%B0%8F&"), &["handle", "tag"]).unwrap();
        assert_eq!(query.text("handle"), Some("phone::+86+1"));
        assert_eq!(query.text("tag"), Some("小"));
        assert_eq!(query.text("after"), None);
    }

    #[test]
    fn what_is_unknown_twice_or_no_number_is_refused() {
        for query in ["tga=1", "tag=1&tag=2", "limit=0", "limit=201", "limit=x", "limit=-1", "tag=%ff"] {
            let parsed = Query::parse(Some(query), &["tag", "limit"]);
            assert!(parsed.and_then(|query| query.limit()).is_err(), "{query}");
        }
        assert_eq!(Query::parse(Some("limit=200"), &["limit"]).unwrap().limit().unwrap(), 200);
        assert_eq!(Query::parse(None, &["limit"]).unwrap().limit().unwrap(), LIMIT_DEFAULT);
    }
}
