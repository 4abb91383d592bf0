//! `exists`, `all`, `exists_one` and `filter`: CEL's parser has made loops of them, and only these shapes pass.

use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, Expr, operators};

use super::Checker;
use crate::Fault;
use crate::language::{Kind, VARIABLES};

pub(super) fn kind(
    checker: &mut Checker<'_>,
    id: u64,
    comprehension: &mut ComprehensionExpr,
    depth: usize,
) -> Result<Kind, Fault> {
    if checker.bound.is_some() {
        return Err(checker.fault(id, "a loop stands in a loop: ask one after the other"));
    }
    let name = comprehension.iter_var.clone();
    if VARIABLES.iter().any(|variable| variable.name == name) {
        let reason = format!("\"{name}\" is a variable already: call the loop's own differently");
        return Err(checker.fault(id, reason));
    }
    let range = checker.kind(&mut comprehension.iter_range, depth + 1)?;
    let element = match range {
        Kind::Texts => Kind::Text,
        Kind::Numbers => Kind::Number,
        Kind::Truth | Kind::Number | Kind::Text | Kind::Any | Kind::Table(_) | Kind::Record(_) => {
            let reason = format!("goes through {}: only lists can be gone through", range.name());
            return Err(checker.fault(id, reason));
        }
    };
    let Some((condition, gives)) = shape(comprehension, range) else {
        return Err(checker.fault(id, "is no loop that there is: use exists, all, exists_one or filter"));
    };
    checker.bound = Some((name, element));
    let asked = condition.id;
    let kind = checker.kind(condition, depth + 1);
    checker.bound = None;
    checker.truth(asked, kind?)?;
    Ok(gives)
}

/// The condition that a loop asks of each element, and what the loop gives.
fn shape(comprehension: &mut ComprehensionExpr, range: Kind) -> Option<(&mut IdedExpr, Kind)> {
    let ComprehensionExpr { iter_var, iter_var2, accu_init, loop_step, .. } = comprehension;
    let Expr::Call(step) = &mut loop_step.expr else { return None };
    if iter_var2.is_some() {
        return None;
    }
    match (step.func_name.as_str(), step.args.as_mut_slice(), &accu_init.expr) {
        (operators::LOGICAL_AND | operators::LOGICAL_OR, [_, condition], Expr::Literal(_)) => {
            Some((condition, Kind::Truth))
        }
        (operators::CONDITIONAL, [condition, _, _], Expr::Literal(_)) => Some((condition, Kind::Truth)),
        (operators::CONDITIONAL, [condition, taken, _], Expr::List(_)) => {
            takes_itself(taken, iter_var).then_some((condition, range))
        }
        _ => None,
    }
}

/// `filter` keeps the element, where `map` would keep something made of it.
fn takes_itself(taken: &IdedExpr, name: &str) -> bool {
    let Expr::Call(call) = &taken.expr else { return false };
    let Some(IdedExpr { id: _, expr: Expr::List(list) }) = call.args.last() else { return false };
    matches!(list.elements.as_slice(), [IdedExpr { id: _, expr: Expr::Ident(kept) }] if kept == name)
}
