//! JSON as shop platforms write it: numbers kept digit by digit, and the many spellings of "nothing" read as nothing.
//!
//! Ids go beyond 2^53 and beyond 2^63, so no number ever passes through a float here. The feature of serde_json that
//! does this would be switched on for the whole workspace; a tree of our own is switched on for nobody else.

use std::fmt::{self, Display, Formatter, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Nested deeper than this, a document is no platform's: the known ones have fewer than ten levels. The limit keeps a
/// hostile one from eating the stack, here and in whoever reads `extra` later.
pub const DEPTH_MAX: usize = 64;

/// What real documents hold in place of a missing text.
const NOTHING: [&str; 3] = ["", "null", "--"];

/// The largest 32-bit number: real orders have it where there is no item, as in Youzan's of a payment code.
const NO_ITEM: &str = "2147483647";

/// One JSON document, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`, and whatever is not there.
    Null,
    /// `true` or `false`.
    Truth(bool),
    /// As it was written.
    Number(String),
    /// A text, without its escapes.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// In the document's order. Of two fields with one name the last counts, as everywhere else.
    Object(Vec<(String, Json)>),
}

static NULL: Json = Json::Null;

impl Json {
    /// Reads one document. A byte order mark in front of it is overlooked.
    pub fn parse(text: &str) -> Result<Json, String> {
        let raw: &RawValue =
            serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|e| e.to_string())?;
        grow(raw.get(), 0)
    }

    /// An object of these fields, in this order.
    pub fn object<'k>(fields: impl IntoIterator<Item = (&'k str, Json)>) -> Json {
        Json::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A text.
    pub fn text(value: impl Into<String>) -> Json {
        Json::Text(value.into())
    }

    /// A field of an object; null where there is none.
    pub fn get(&self, name: &str) -> &Json {
        match self {
            Json::Object(fields) => {
                fields.iter().rev().find(|(n, _)| n == name).map_or(&NULL, |(_, value)| value)
            }
            _ => &NULL,
        }
    }

    /// A field of a field of a field.
    pub fn at(&self, path: &[&str]) -> &Json {
        path.iter().fold(self, |json, name| json.get(name))
    }

    /// The items of a list. A missing list is an empty one.
    pub fn items(&self) -> &[Json] {
        match self {
            Json::List(items) => items,
            _ => &[],
        }
    }

    /// The fields of an object. What is no object has none.
    pub fn fields(&self) -> &[(String, Json)] {
        match self {
            Json::Object(fields) => fields,
            _ => &[],
        }
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Json::Object(_))
    }

    /// What a text or a number says, unless it says nothing.
    pub fn word(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text.trim()).filter(|text| !NOTHING.contains(text)),
            Json::Number(digits) => Some(digits),
            _ => None,
        }
    }

    /// An id, digit by digit. Zero and the largest 32-bit number stand for none.
    pub fn id(&self) -> Option<&str> {
        let id = self.word()?;
        if let Json::Number(_) = self
            && !id.bytes().all(|b| b.is_ascii_digit())
        {
            return None;
        }
        (id != "0" && id != NO_ITEM).then_some(id)
    }

    /// A whole number, whether written as a number or as a text.
    pub fn int(&self) -> Option<i64> {
        self.word()?.parse().ok()
    }

    /// A truth, whether written as one, as a text, or as 1 and 0.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Json::Truth(truth) => Some(*truth),
            _ => match self.word()? {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
        }
    }
}

/// Each level is read once for itself and once as part of each level above it; the limit on depth bounds that
/// too.
fn grow(text: &str, depth: usize) -> Result<Json, String> {
    if depth > DEPTH_MAX {
        return Err(format!("nested deeper than {DEPTH_MAX} levels"));
    }
    let reading = |e: serde_json::Error| e.to_string();
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let Fields(fields) = serde_json::from_str(text).map_err(reading)?;
            let grown = fields.into_iter().map(|(name, raw)| Ok((name, grow(raw.get(), depth + 1)?)));
            Json::Object(grown.collect::<Result<_, String>>()?)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(reading)?;
            Json::List(
                items.into_iter().map(|raw| grow(raw.get(), depth + 1)).collect::<Result<_, String>>()?,
            )
        }
        Some(b'"') => Json::Text(serde_json::from_str(text).map_err(reading)?),
        Some(b't') => Json::Truth(true),
        Some(b'f') => Json::Truth(false),
        Some(b'n') => Json::Null,
        _ => Json::Number(text.to_owned()),
    })
}

/// What is wrong with a text that the host kept for us. Not where: it may have laid the text out anew.
pub fn complaint(error: &serde_json::Error) -> String {
    let said = error.to_string();
    said.split(" at line ").next().unwrap_or_default().to_owned()
}

struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The document, without white space, numbers as they came.
impl Display for Json {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Truth(truth) => write!(f, "{truth}"),
            Json::Number(digits) => f.write_str(digits),
            Json::Text(text) => write_text(f, text),
            Json::List(items) => {
                f.write_char('[')?;
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        f.write_char(',')?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_char(']')
            }
            Json::Object(fields) => {
                f.write_char('{')?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    if i > 0 {
                        f.write_char(',')?;
                    }
                    write_text(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn write_text(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Json {
        Json::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn numbers_keep_their_digits() {
        let text = r#"{"a":9007199254740993,"b":92233720368547758081234,"c":[4.050,-0,1e5],"d":"a\"😀"}"#;
        assert_eq!(parse(text).to_string(), text);
    }

    #[test]
    fn nothing_has_many_spellings() {
        for text in [r#""""#, r#""null""#, "null", r#""--""#, r#"" ""#, "{}", "[]", "true"] {
            assert_eq!(parse(text).word(), None, "{text}");
        }
        for text in ["0", r#""0""#, "2147483647", r#""2147483647""#, "8.8e6", "-3"] {
            assert_eq!(parse(text).id(), None, "{text}");
        }
        assert_eq!(parse("9223372036854775809").id(), Some("9223372036854775809"));
        assert_eq!(parse(r#""E20""#).id(), Some("E20"));
    }

    #[test]
    fn whole_numbers_and_truths_come_as_texts_too() {
        assert_eq!(parse(r#""200""#).int(), Some(200));
        assert_eq!(parse("1.5").int(), None);
        assert_eq!(parse("true").int(), None);
        assert_eq!(parse(r#""1""#).truth(), Some(true));
        assert_eq!(parse("0").truth(), Some(false));
        assert_eq!(parse(r#""yes""#).truth(), None);
    }

    #[test]
    fn a_deep_document_is_refused_and_not_climbed() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(Json::parse(&deep(DEPTH_MAX)).is_ok());
        assert!(Json::parse(&deep(DEPTH_MAX + 2)).is_err());
        assert!(Json::parse(&deep(100_000)).is_err());
    }

    #[test]
    fn the_last_of_two_fields_counts_and_a_mark_in_front_does_not() {
        assert_eq!(parse("\u{feff}{\"a\":1,\"a\":2}").get("a").int(), Some(2));
        assert!(Json::parse("{} x").is_err());
        assert!(Json::parse(r#"{"a":"\ud83d"}"#).is_err());
    }
}
