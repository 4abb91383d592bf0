//! A schema of settings, as everybody who reads it will unfold it.
//!
//! References let a short schema stand for an endless one: it may lead back to itself, or to the next of many parts twice.
//! Whoever follows them recurses, inside the host, where no budget counts. So a schema is unfolded here first, by counting.

use std::collections::HashMap;

use serde_json::Value;

use super::{Bounds, OutOfBounds, show};

/// Keywords whose target depends on where a reader came from. Nothing that makes schemas of types writes them.
const UNTRACEABLE: [&str; 3] = ["$dynamicRef", "$recursiveRef", "$anchor"];

/// What unfolding a part of a schema comes to.
#[derive(Clone, Copy)]
struct Unfolded {
    nodes: usize,
    depth: usize,
}

struct Unfolding<'a> {
    root: &'a Value,
    nodes_max: usize,
    depth_max: usize,
    /// By reference. None: it is being unfolded.
    known: HashMap<&'a str, Option<Unfolded>>,
}

impl Bounds<'_> {
    pub(super) fn schema(&self, schema: &str) -> Result<(), OutOfBounds> {
        self.json("settings-schema", schema)?;
        if !schema.trim_start().starts_with('{') {
            return Err(OutOfBounds::because(format!(
                "settings-schema is not a JSON object: \"{}\"",
                show(schema)
            )));
        }
        let root: Value = serde_json::from_str(schema)
            .map_err(|error| OutOfBounds::because(format!("settings-schema is not JSON ({error})")))?;
        let (nodes_max, depth_max) = (self.limits.schema_nodes, self.limits.json_depth);
        let mut unfolding = Unfolding { root: &root, nodes_max, depth_max, known: HashMap::new() };
        unfolding.unfold(&root, 0).map(drop)
    }
}

impl<'a> Unfolding<'a> {
    /// `above`: how deep this part lies.
    fn unfold(&mut self, part: &'a Value, above: usize) -> Result<Unfolded, OutOfBounds> {
        self.check(Unfolded { nodes: 1, depth: above })?;
        let mut all = Unfolded { nodes: 1, depth: 0 };
        let mut add = |inner: Unfolded| {
            all.nodes = all.nodes.saturating_add(inner.nodes);
            all.depth = all.depth.max(inner.depth + 1);
        };
        match part {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(target) if name == "$ref" => add(self.follow(target, above + 1)?),
                        Value::String(id) if name == "$id" && above > 0 => {
                            let id = show(id);
                            return Err(OutOfBounds::because(format!(
                                "settings-schema has a second \"$id\", \"{id}\": take it out"
                            )));
                        }
                        Value::String(_) if UNTRACEABLE.contains(&name.as_str()) => {
                            return Err(OutOfBounds::because(format!(
                                "settings-schema has a \"{name}\": write a \"$ref\" to \"#/$defs/…\" instead"
                            )));
                        }
                        _ => add(self.unfold(value, above + 1)?),
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    add(self.unfold(item, above + 1)?);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        self.check(all)?;
        Ok(all)
    }

    fn follow(&mut self, target: &'a str, above: usize) -> Result<Unfolded, OutOfBounds> {
        match self.known.get(target) {
            Some(Some(known)) => {
                let known = *known;
                self.check(Unfolded { nodes: known.nodes, depth: known.depth.saturating_add(above) })?;
                return Ok(known);
            }
            Some(None) => {
                return Err(OutOfBounds::because(format!(
                    "settings-schema leads from \"{}\" back to itself: settings are finite, write them out",
                    show(target)
                )));
            }
            None => {}
        }
        let root = self.root;
        let part = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer)).ok_or_else(|| {
            OutOfBounds::because(format!("settings-schema leads to \"{}\", which is not in it", show(target)))
        })?;
        self.known.insert(target, None);
        let unfolded = self.unfold(part, above)?;
        self.known.insert(target, Some(unfolded));
        Ok(unfolded)
    }

    fn check(&self, unfolded: Unfolded) -> Result<(), OutOfBounds> {
        let Unfolded { nodes, depth } = unfolded;
        if nodes > self.nodes_max {
            return Err(OutOfBounds::past(
                "schema_nodes",
                format!(
                    "settings-schema has more than {} parts once its references are followed, limit schema_nodes",
                    self.nodes_max
                ),
            ));
        }
        if depth > self.depth_max {
            return Err(OutOfBounds::past(
                "json_depth",
                format!(
                    "settings-schema nests deeper than limit json_depth ({}) once its references are followed",
                    self.depth_max
                ),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn judge(schema: &str) -> Result<(), OutOfBounds> {
        Bounds::new(&Limits::default()).schema(schema)
    }

    fn refused(schema: &str, part: &str) {
        let error = judge(schema).unwrap_err();
        assert!(error.text.contains(part), "{schema}: {error}");
    }

    #[test]
    fn a_schema_may_share_parts() {
        let schema = r##"{"$defs":{"key":{"type":"string","writeOnly":true}},
            "properties":{"a":{"$ref":"#/$defs/key"},"b":{"$ref":"#/$defs/key"},"$ref":{"type":"string"}}}"##;
        assert_eq!(judge(schema), Ok(()));
        assert_eq!(judge(r#"{"$id":"https://a.example/settings","type":"object"}"#), Ok(()));
    }

    #[test]
    fn a_schema_that_leads_to_itself_is_refused() {
        refused(r##"{"allOf":[{"$ref":"#"}]}"##, "back to itself");
        refused(r##"{"$ref":"#"}"##, "back to itself");
        refused(r##"{"$ref":"#/a","a":{"$ref":"#/b"},"b":{"items":{"$ref":"#/a"}}}"##, "back to itself");
        refused(r##"{"$ref":"#/allOf","allOf":[{"$ref":"#/allOf/0"}]}"##, "back to itself");
    }

    #[test]
    fn a_schema_that_leads_out_of_itself_is_refused() {
        refused(r#"{"$ref":"https://evil.example/schema"}"#, "not in it");
        refused(r#"{"$ref":"file:///etc/passwd"}"#, "not in it");
        refused(r##"{"$ref":"#/$defs/missing"}"##, "not in it");
        refused(r##"{"$ref":"#name","$defs":{"a":{"$anchor":"name"}}}"##, "settings-schema");
        refused(r##"{"$dynamicRef":"#"}"##, "$dynamicRef");
        refused(r##"{"$recursiveRef":"#"}"##, "$recursiveRef");
        refused(r#"{"properties":{"a":{"$id":"b"}}}"#, "$id");
    }

    /// Each part has the next one twice: thirty of them are a thousand million.
    fn doubling(parts: usize) -> String {
        let part =
            |at: usize| format!(r##""p{at}":{{"allOf":[{{"$ref":"#/p{0}"}},{{"$ref":"#/p{0}"}}]}}"##, at + 1);
        let all: Vec<String> = (0..parts).map(part).collect();
        format!(r#"{{{},"p{parts}":{{}}}}"#, all.join(","))
    }

    /// Each part has the next one: a thousand of them are a thousand deep.
    fn chain(parts: usize) -> String {
        let part = |at: usize| format!(r##""p{at}":{{"$ref":"#/p{}"}}"##, at + 1);
        let all: Vec<String> = (0..parts).map(part).collect();
        format!(r#"{{{},"p{parts}":{{}}}}"#, all.join(","))
    }

    #[test]
    fn a_schema_that_unfolds_without_end_is_refused() {
        assert_eq!(judge(&doubling(5)), Ok(()));
        refused(&doubling(15), "schema_nodes");
        assert_eq!(judge(&chain(20)), Ok(()));
        refused(&chain(2000), "json_depth");
    }
}
