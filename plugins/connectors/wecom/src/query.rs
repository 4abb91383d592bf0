//! The query of a callback, decoded exactly once.
//!
//! Not the form rules: base64 has no blanks, so a `+` that came over the wire bare is a plus, and `%2B` is one too.
//! Reading it as a blank breaks the signature of about every second address check.

use percent_encoding::percent_decode_str;

/// The first value of this name, percent-decoded. None where it is missing, empty or no UTF-8.
pub fn value(query: &str, name: &str) -> Option<String> {
    let raw = query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then_some(value)
    })?;
    let text = percent_decode_str(raw).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn a_plus_is_a_plus_however_it_was_sent() {
        let query = "msg_signature=a&echostr=x%2By%2Fz%3D%3D&echo2=x+y/z==";
        assert_eq!(value(query, "echostr").as_deref(), Some("x+y/z=="));
        assert_eq!(value(query, "echo2").as_deref(), Some("x+y/z=="));
    }

    #[test]
    fn it_is_decoded_once() {
        assert_eq!(value("a=%252B", "a").as_deref(), Some("%2B"));
    }

    #[test]
    fn what_is_empty_or_broken_is_missing() {
        assert_eq!(value("a=&b=%FF&c", "a"), None);
        assert_eq!(value("a=&b=%FF&c", "b"), None);
        assert_eq!(value("a=&b=%FF&c", "c"), None);
    }
}
