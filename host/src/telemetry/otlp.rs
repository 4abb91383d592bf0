//! The body of an OTLP request over HTTP, in JSON: the mapping of protobuf, but ids in hexadecimal digits and numbers of 64
//! bits as texts, as the protocol says.

use serde_json::{Value as Json, json};

use super::layer::{Finished, Place, Value};

/// `SPAN_KIND_INTERNAL` and `SPAN_KIND_SERVER`.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;

pub(super) fn body(tenant: &str, spans: &[Finished]) -> String {
    let resource = [
        attribute("service.name", &Value::Text("heliu".to_owned())),
        attribute("service.version", &Value::Text(env!("CARGO_PKG_VERSION").to_owned())),
        attribute("heliu.tenant", &Value::Text(tenant.to_owned())),
    ];
    let scope = json!({ "scope": { "name": "heliu" }, "spans": spans.iter().map(span).collect::<Vec<_>>() });
    json!({ "resourceSpans": [{ "resource": { "attributes": resource }, "scopeSpans": [scope] }] })
        .to_string()
}

fn span(span: &Finished) -> Json {
    let Finished { name, place, parent, start_ns, end_ns, attributes, links } = span;
    let Place { trace, span } = place;
    json!({
        "traceId": format!("{trace:032x}"),
        "spanId": format!("{span:016x}"),
        "parentSpanId": parent.map(|parent| format!("{parent:016x}")).unwrap_or_default(),
        "name": name,
        "kind": if parent.is_none() && *name == "webhook" { SERVER } else { INTERNAL },
        "startTimeUnixNano": start_ns.to_string(),
        "endTimeUnixNano": end_ns.to_string(),
        "attributes": attributes.iter().map(|(name, value)| attribute(name, value)).collect::<Vec<_>>(),
        "links": links.iter().map(|Place { trace, span }| {
            json!({ "traceId": format!("{trace:032x}"), "spanId": format!("{span:016x}") })
        }).collect::<Vec<_>>(),
    })
}

fn attribute(name: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::Truth(truth) => json!({ "boolValue": truth }),
    };
    json!({ "key": name, "value": value })
}
