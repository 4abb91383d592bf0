//! What a filter may name, and how large it may be. `host/docs/SEGMENTS.md` says what each variable means; a test
//! holds the two together.

/// Bytes of a filter's text: more than a screen of it, little enough for a parser that is given it by mistake.
pub const TEXT_BYTES_MAX: usize = 4096;

/// Expressions inside each other. A chain of `&&` or `||` is no nesting.
pub const DEPTH_MAX: usize = 24;

/// Names, constants, functions and operators of one filter: what one customer costs.
pub const NODES_MAX: usize = 256;

/// Beyond it a number that is written as an integer is not the number that is compared.
pub(crate) const INTEGER_MAX: i64 = 1 << 53;

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Truth,
    /// 64-bit floating point, all of them.
    Number,
    Text,
    /// A trait: a text, a number or a truth, as the customer has it.
    Any,
    Texts,
    Numbers,
    /// By names that are not known beforehand. What she does not have is missing.
    Table(&'static Kind),
    /// These fields, and no others.
    Record(&'static [&'static str]),
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Truth => "true or false",
            Kind::Number => "a number",
            Kind::Text => "a text",
            Kind::Any => "a trait",
            Kind::Texts => "a list of texts",
            Kind::Numbers => "a list of numbers",
            Kind::Table(_) => "a table of names",
            Kind::Record(_) => "a group of fields",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: &'static str,
    pub kind: Kind,
}

const fn variable(name: &'static str, kind: Kind) -> Variable {
    Variable { name, kind }
}

pub(crate) const COUNTS: &[&str] =
    &["alarms", "events", "handles", "intents", "merged", "staff", "tags", "tasks"];

/// The fields of `days` that the document has by itself, and those that need facts of her past.
pub(crate) const DAYS: &[&str] = &["first_seen", "last_event", "last_message", "last_purchase"];

/// Every variable, by name.
pub const VARIABLES: &[Variable] = &[
    variable("channels", Kind::Texts),
    variable("count", Kind::Record(COUNTS)),
    variable("days", Kind::Record(DAYS)),
    variable("schemes", Kind::Texts),
    variable("scopes", Kind::Texts),
    variable("staff", Kind::Texts),
    variable("stage", Kind::Table(&Kind::Text)),
    variable("stage_days", Kind::Table(&Kind::Number)),
    variable("tag_days", Kind::Table(&Kind::Number)),
    variable("tag_days_left", Kind::Table(&Kind::Number)),
    variable("tags", Kind::Texts),
    variable("trait", Kind::Table(&Kind::Any)),
    variable("trait_days", Kind::Table(&Kind::Number)),
];

/// Every function that is written with a name.
pub const FUNCTIONS: &[&str] =
    &["all", "contains", "endsWith", "exists", "exists_one", "filter", "has", "size", "startsWith"];

/// How many letters may differ in a name that is taken for a misspelling of another.
const MISSPELT_MAX: usize = 2;

/// `did you mean "tags"?`, or what there is.
pub(crate) fn mend(name: &str, known: &[&str]) -> String {
    let distances = known.iter().map(|candidate| (strsim::levenshtein(name, candidate), *candidate));
    match distances.min() {
        Some((distance, nearest)) if distance <= MISSPELT_MAX && distance < name.chars().count() => {
            format!("did you mean \"{nearest}\"?")
        }
        _ => format!("known here are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_so_have_no_name_twice() {
        assert!(VARIABLES.windows(2).all(|pair| pair[0].name < pair[1].name));
        for names in [COUNTS, DAYS, FUNCTIONS] {
            assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        }
    }

    #[test]
    fn a_misspelling_is_told_from_a_stranger() {
        assert_eq!(mend("tag", &["tags", "staff"]), "did you mean \"tags\"?");
        assert_eq!(mend("customer", &["tags", "staff"]), "known here are tags, staff");
    }
}
