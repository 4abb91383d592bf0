//! The XML of a push, as a JSON object: bounded, without document types, and without losing what it does not know.
//!
//! An element is a string or, with elements inside, an object; its text is trimmed, as the platform puts line breaks
//! around CDATA. Siblings of one name become a list. Some names are always lists, so that a list of one looks like
//! the others. Attributes mean nothing in this dialect and are left out.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};
use serde_json::{Map, Value};

/// Bytes of one document. Real pushes have a few hundred, an approval with many steps some tens of thousands.
pub const SIZE_MAX: usize = 1 << 20;
/// Levels of elements. The deepest push that is known, an approval, has six.
pub const DEPTH_MAX: usize = 8;

/// Names that the platform repeats.
const LISTS: [&str; 11] = [
    "Item",
    "item",
    "AuthAddOpenKfId",
    "AuthDelOpenKfId",
    "SpRecord",
    "Details",
    "Notifyer",
    "Comments",
    "ApprovalNode",
    "NotifyNode",
    "SelectedItem",
];

/// Why a document cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    #[error("{0} bytes of XML are more than {SIZE_MAX}")]
    TooBig(usize),
    #[error("the XML is nested more than {DEPTH_MAX} deep")]
    TooDeep,
    #[error("the XML has a document type, which no push has")]
    DocType,
    #[error("the XML has the unknown entity {0:?}")]
    Entity(String),
    #[error("the XML has no root element, or something beside it")]
    NotOneRoot,
    #[error("the XML is not well formed: {0}")]
    IllFormed(String),
}

struct Element {
    name: String,
    children: Map<String, Value>,
    text: String,
}

/// Reads a document. The result is what stands inside of its root, whatever that is called.
pub fn read(text: &str) -> Result<Map<String, Value>, XmlError> {
    if text.len() > SIZE_MAX {
        return Err(XmlError::TooBig(text.len()));
    }
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().map_err(|error| XmlError::IllFormed(error.to_string()))? {
            Event::Start(start) => enter(&mut open, &root, start.name().as_ref())?,
            Event::Empty(start) => {
                enter(&mut open, &root, start.name().as_ref())?;
                leave(&mut open, &mut root);
            }
            Event::End(_) => leave(&mut open, &mut root),
            Event::Text(part) => say(&mut open, &part.xml10_content())?,
            Event::CData(part) => say(&mut open, &part.xml10_content())?,
            Event::GeneralRef(reference) => say(&mut open, &resolve(&reference)?)?,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::DocType(_) => return Err(XmlError::DocType),
            Event::Eof => break,
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(inside(root)),
        _ => Err(XmlError::NotOneRoot),
    }
}

fn enter(open: &mut Vec<Element>, root: &Option<Element>, name: &str) -> Result<(), XmlError> {
    if root.is_some() {
        return Err(XmlError::NotOneRoot);
    }
    if open.len() == DEPTH_MAX {
        return Err(XmlError::TooDeep);
    }
    open.push(Element { name: name.to_owned(), children: Map::new(), text: String::new() });
    Ok(())
}

fn leave(open: &mut Vec<Element>, root: &mut Option<Element>) {
    let Some(element) = open.pop() else { return };
    match open.last_mut() {
        Some(parent) => adopt(&mut parent.children, element),
        None => *root = Some(element),
    }
}

fn say(open: &mut [Element], text: &str) -> Result<(), XmlError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(XmlError::NotOneRoot),
    }
    Ok(())
}

/// The five entities of XML itself and numbers. Others would need a document type.
fn resolve(reference: &BytesRef<'_>) -> Result<String, XmlError> {
    if let Some(char) =
        reference.resolve_char_ref().map_err(|error| XmlError::IllFormed(error.to_string()))?
    {
        return Ok(char.to_string());
    }
    let text = match &**reference {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        other => return Err(XmlError::Entity(other.chars().take(40).collect())),
    };
    Ok(text.to_owned())
}

fn adopt(children: &mut Map<String, Value>, element: Element) {
    let name = element.name.clone();
    let value = if element.children.is_empty() {
        Value::String(element.text.trim().to_owned())
    } else {
        Value::Object(inside(element))
    };
    match children.get_mut(&name) {
        None if LISTS.contains(&name.as_str()) => {
            children.insert(name, Value::Array(vec![value]));
        }
        None => {
            children.insert(name, value);
        }
        Some(Value::Array(list)) => list.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

fn inside(element: Element) -> Map<String, Value> {
    let mut children = element.children;
    let text = element.text.trim();
    if !text.is_empty() {
        children.insert("#text".to_owned(), Value::String(text.to_owned()));
    }
    children
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(text: &str) -> Value {
        Value::Object(read(text).expect("because it is well formed"))
    }

    #[test]
    fn text_is_trimmed_with_and_without_cdata() {
        let push = "<xml>\n <A>\n<![CDATA[ x<y&z ]]>\n</A><B> 1 </B><C></C><D/></xml>\n";
        assert_eq!(object(push), json!({"A": "x<y&z", "B": "1", "C": "", "D": ""}));
    }

    #[test]
    fn siblings_of_one_name_are_a_list_and_some_names_always() {
        let push = "<xml><T>1</T><T>2</T><T>3</T><L><Item>a</Item></L></xml>";
        assert_eq!(object(push), json!({"T": ["1", "2", "3"], "L": {"Item": ["a"]}}));
    }

    #[test]
    fn an_end_tag_may_have_a_blank() {
        assert_eq!(object("<xml><TaskId>t</TaskId ></xml >"), json!({"TaskId": "t"}));
    }

    #[test]
    fn the_five_entities_and_numbers_are_known_and_no_others() {
        assert_eq!(
            object("<x><a>&lt;&amp;&gt;&quot;&apos;&#26519;&#x6df1;</a></x>"),
            json!({"a": "<&>\"'林深"})
        );
        assert_eq!(read("<x>&lol;</x>"), Err(XmlError::Entity("lol".into())));
    }

    #[test]
    fn a_document_type_is_refused_wherever_it_stands() {
        assert_eq!(read("<!DOCTYPE x><x/>"), Err(XmlError::DocType));
        assert_eq!(
            read("<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>"),
            Err(XmlError::DocType)
        );
    }

    #[test]
    fn depth_is_bounded_at_the_limit() {
        let nested = |depth: usize| format!("{}x{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(read(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(read(&nested(DEPTH_MAX + 1)), Err(XmlError::TooDeep));
    }

    #[test]
    fn size_is_bounded_at_the_limit() {
        let sized = |size: usize| format!("<a>{}</a>", "x".repeat(size - 7));
        assert!(read(&sized(SIZE_MAX)).is_ok());
        assert_eq!(read(&sized(SIZE_MAX + 1)), Err(XmlError::TooBig(SIZE_MAX + 1)));
    }

    #[test]
    fn there_is_one_root_and_nothing_beside_it() {
        for text in
            ["", "  ", "x", "<a/>x", "x<a/>", "<a/><b/>", "<a>", "<a><b></a>", "</a>", "<a", "<a>&</a>"]
        {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert_eq!(object("\u{feff}<?xml version=\"1.0\"?><!-- a --><a/> \n"), json!({}));
    }

    #[test]
    fn text_beside_elements_is_kept() {
        assert_eq!(object("<x>a<b>1</b> c</x>"), json!({"b": "1", "#text": "a c"}));
    }
}
