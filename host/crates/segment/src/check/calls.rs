//! Operators and functions: which kinds each takes, and which it gives.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, operators};

use super::Checker;
use crate::Fault;
use crate::language::{FUNCTIONS, Kind, mend};

/// CEL's own function that makes floating point of any number.
const TO_FLOAT: &str = "double";
const SIZE: &str = "size";
const LOOPS: &[&str] = &["all", "exists", "exists_one", "filter", "map"];

pub(super) fn kind(
    checker: &mut Checker<'_>,
    id: u64,
    call: &mut CallExpr,
    depth: usize,
) -> Result<Kind, Fault> {
    let CallExpr { func_name, target, args } = call;
    if LOOPS.contains(&func_name.as_str()) {
        // A loop that the parser made none of: its own variable means nothing.
        return Err(unknown(checker, id, func_name, target.is_some(), &[]));
    }
    let mut kinds = Vec::with_capacity(args.len() + 1);
    for part in target.as_deref_mut().into_iter().chain(args.iter_mut()) {
        kinds.push(checker.kind(part, depth + 1)?);
    }
    let name = func_name.as_str();
    match (name, target.is_some(), kinds.as_slice()) {
        (operators::LOGICAL_AND | operators::LOGICAL_OR, false, [one, other]) => {
            checker.truth(id, *one)?;
            checker.truth(id, *other)?;
            Ok(Kind::Truth)
        }
        (operators::LOGICAL_NOT, false, [one]) => {
            checker.truth(id, *one)?;
            Ok(Kind::Truth)
        }
        (operators::CONDITIONAL, false, [condition, then, otherwise]) => {
            checker.truth(id, *condition)?;
            either(checker, id, *then, *otherwise)
        }
        (operators::EQUALS | operators::NOT_EQUALS, false, [one, other]) => {
            compared(checker, id, *one, *other, Equality)
        }
        (
            operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
            false,
            [one, other],
        ) => compared(checker, id, *one, *other, Order),
        (operators::IN, false, [one, other]) => within(checker, id, *one, *other),
        (
            operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE,
            false,
            [one, other],
        ) => {
            number(checker, id, *one)?;
            number(checker, id, *other)
        }
        (operators::NEGATE, false, [one]) => number(checker, id, *one),
        (operators::INDEX, false, [of, name]) => index(checker, id, *of, *name),
        ("startsWith" | "endsWith" | "contains", true, [of, part]) => {
            text(checker, id, name, *of)?;
            text(checker, id, name, *part)?;
            Ok(Kind::Truth)
        }
        (SIZE, _, [Kind::Text | Kind::Texts | Kind::Numbers | Kind::Any]) => Ok(Kind::Number),
        _ => Err(unknown(checker, id, name, target.is_some(), &kinds)),
    }
}

/// How two values are held against each other.
enum Comparison {
    Equality,
    Order,
}
use Comparison::{Equality, Order};

fn compared(checker: &Checker<'_>, id: u64, one: Kind, other: Kind, how: Comparison) -> Result<Kind, Fault> {
    let fits = match (one, other, how) {
        (Kind::Number | Kind::Any, Kind::Number | Kind::Any, Equality | Order)
        | (Kind::Text | Kind::Any, Kind::Text | Kind::Any, Equality | Order)
        | (Kind::Truth | Kind::Any, Kind::Truth | Kind::Any, Equality) => true,
        (
            Kind::Truth
            | Kind::Number
            | Kind::Text
            | Kind::Any
            | Kind::Texts
            | Kind::Numbers
            | Kind::Table(_)
            | Kind::Record(_),
            _,
            Equality | Order,
        ) => false,
    };
    if fits {
        return Ok(Kind::Truth);
    }
    let reason = format!("{} cannot be compared with {}: this would never hold", one.name(), other.name());
    Err(checker.fault(id, reason))
}

fn within(checker: &Checker<'_>, id: u64, one: Kind, other: Kind) -> Result<Kind, Fault> {
    let fits = matches!(
        (one, other),
        (Kind::Text | Kind::Any, Kind::Texts | Kind::Table(_)) | (Kind::Number | Kind::Any, Kind::Numbers)
    );
    if fits {
        return Ok(Kind::Truth);
    }
    let reason = format!("{} is never in {}: write like \"vip\" in tags", one.name(), other.name());
    Err(checker.fault(id, reason))
}

fn index(checker: &Checker<'_>, id: u64, of: Kind, name: Kind) -> Result<Kind, Fault> {
    match (of, name) {
        (Kind::Table(kind), Kind::Text) => Ok(*kind),
        (Kind::Table(_), _) => {
            Err(checker.fault(id, "a table is asked by a text, like trait[\"member-level\"]"))
        }
        (Kind::Record(fields), _) => {
            let reason = format!("is asked with a dot: one of {}", fields.join(", "));
            Err(checker.fault(id, reason))
        }
        (Kind::Truth | Kind::Number | Kind::Text | Kind::Any | Kind::Texts | Kind::Numbers, _) => {
            let reason = format!("{} has no places: ask with `in` or exists(…)", of.name());
            Err(checker.fault(id, reason))
        }
    }
}

fn either(checker: &Checker<'_>, id: u64, one: Kind, other: Kind) -> Result<Kind, Fault> {
    match (one, other) {
        (one, other) if one == other => Ok(one),
        (Kind::Any, Kind::Number | Kind::Text | Kind::Truth) => Ok(other),
        (Kind::Number | Kind::Text | Kind::Truth, Kind::Any) => Ok(one),
        _ => {
            let reason = format!("gives {} or {}: both must be of one kind", one.name(), other.name());
            Err(checker.fault(id, reason))
        }
    }
}

fn number(checker: &Checker<'_>, id: u64, kind: Kind) -> Result<Kind, Fault> {
    match kind {
        Kind::Number | Kind::Any => Ok(Kind::Number),
        Kind::Truth | Kind::Text | Kind::Texts | Kind::Numbers | Kind::Table(_) | Kind::Record(_) => {
            Err(checker.fault(id, format!("calculates with {}, not with a number", kind.name())))
        }
    }
}

fn text(checker: &Checker<'_>, id: u64, function: &str, kind: Kind) -> Result<(), Fault> {
    match kind {
        Kind::Text | Kind::Any => Ok(()),
        Kind::Truth | Kind::Number | Kind::Texts | Kind::Numbers | Kind::Table(_) | Kind::Record(_) => {
            Err(checker.fault(id, format!("{function}(…) is about texts, and gets {}", kind.name())))
        }
    }
}

fn unknown(checker: &Checker<'_>, id: u64, name: &str, on: bool, kinds: &[Kind]) -> Fault {
    let written = match name {
        "_%_" => Some("there is no remainder: use + - * /"),
        "_[?_]" | "_?._" => Some("there is no `?` in front of a name: ask with has(…) first"),
        "startsWith" | "endsWith" | "contains" => Some("write like trait.city.contains(\"海\")"),
        SIZE => Some("write size(…) of a list or a text"),
        "exists" | "exists_one" | "all" | "filter" => {
            Some("write like tags.exists(t, t.startsWith(\"coupon:\"))")
        }
        "map" => Some("a filter makes no lists of its own: ask with exists(…), all(…) or filter(…)"),
        "matches" => Some("there are no patterns: use startsWith, endsWith, contains"),
        _ => None,
    };
    let reason = match written {
        Some(mend) => format!("\"{name}\" cannot stand like this: {mend}"),
        None => {
            let how = if on { "function on a value" } else { "function" };
            let count = kinds.len().saturating_sub(usize::from(on));
            format!("unknown {how} \"{name}\" of {count}: {}", mend(name, FUNCTIONS))
        }
    };
    checker.fault(id, reason)
}

/// CEL counts in integers; here every number is floating point.
pub(super) fn prepare(expression: &mut IdedExpr) {
    let Expr::Call(call) = &mut expression.expr else { return };
    if call.func_name != SIZE {
        return;
    }
    let size = IdedExpr { id: expression.id, expr: Expr::Call(std::mem::take(call)) };
    expression.expr = Expr::Call(CallExpr { func_name: TO_FLOAT.to_owned(), target: None, args: vec![size] });
}
