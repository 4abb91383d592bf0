//! Reads a filter's text, refuses what the language does not have, and prepares the rest.
//!
//! Every expression gets a kind before it is ever asked, so that a comparison which could never hold is refused here.
//! Prepared means: all numbers are floating point, so that `count.events > 5` and `days.first_seen > 5` compare alike.
//!
//! Invariant: no recursion here or in CEL's evaluator goes deeper than [`DEPTH_MAX`] and some steps, and loops do not
//! stand in each other: what a customer costs is bounded by [`NODES_MAX`] times her longest list.

mod calls;
mod loops;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, SelectExpr, SourceInfo, operators};
use cel::parser::Parser;

use crate::Fault;
use crate::filter::Filter;
use crate::language::{DEPTH_MAX, INTEGER_MAX, Kind, NODES_MAX, TEXT_BYTES_MAX, VARIABLES, mend};
use crate::values::Uses;

/// What a text gave.
pub(crate) struct Checked {
    pub(crate) filter: Filter,
    pub(crate) uses: Uses,
}

pub(crate) fn check(text: &str) -> Result<Checked, Fault> {
    if text.len() > TEXT_BYTES_MAX {
        let reason = format!("{} bytes are more than {TEXT_BYTES_MAX}: divide the segment", text.len());
        return Err(Fault::at(text, TEXT_BYTES_MAX, reason));
    }
    if text.trim().is_empty() {
        return Err(Fault::at(text, 0, "is empty: write a condition, like \"vip\" in tags"));
    }
    nesting(text)?;
    let parser = Parser::new().enable_ident_escape_syntax(true);
    let (expression, source) =
        parser.parse_with_source_info(text).map_err(|errors| misread(text, &errors))?;
    let mut checker = Checker { text, source: &source, uses: Uses::default(), nodes: 0, bound: None };
    let filter = checker.filter(expression, 0)?;
    Ok(Checked { filter, uses: checker.uses })
}

/// Stops what would nest before a recursive parser sees it: brackets, and the branches of `? :`.
fn nesting(text: &str) -> Result<(), Fault> {
    let (mut depth, mut branches, mut quote) = (0_usize, 0_usize, None);
    let mut letters = text.chars().enumerate();
    while let Some((place, letter)) = letters.next() {
        match (quote, letter) {
            // What is escaped ends no text.
            (Some('"' | '\''), '\\') => drop(letters.next()),
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(letter),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, '?') => branches += 1,
            (None, _) => {}
        }
        if depth + branches > DEPTH_MAX {
            return Err(too_deep(text, place));
        }
    }
    Ok(())
}

fn too_deep(text: &str, letter: usize) -> Fault {
    Fault::at(
        text,
        letter,
        format!("stands more than {DEPTH_MAX} deep: make it flatter, or two segments of it"),
    )
}

fn misread(text: &str, errors: &cel::ParseErrors) -> Fault {
    let Some(error) = errors.errors.first() else {
        return Fault::at(text, 0, "cannot be read as CEL");
    };
    let (line, column) = error.pos;
    let reason = error.msg.lines().next().unwrap_or_default();
    let (line, column) = (usize::try_from(line).unwrap_or(0), usize::try_from(column).unwrap_or(0));
    Fault { line: line.max(1), column: column.max(1), reason: format!("cannot be read as CEL: {reason}") }
}

/// Walks an expression once.
struct Checker<'a> {
    text: &'a str,
    source: &'a SourceInfo,
    uses: Uses,
    nodes: usize,
    /// The variable of the loop that it is in.
    bound: Option<(String, Kind)>,
}

impl Checker<'_> {
    /// The part of a filter whose truths are connected here.
    fn filter(&mut self, mut expression: IdedExpr, depth: usize) -> Result<Filter, Fault> {
        match &mut expression.expr {
            Expr::Call(CallExpr { func_name, target: None, args }) => {
                let args = std::mem::take(args);
                match (func_name.as_str(), <[IdedExpr; 2]>::try_from(args)) {
                    (operators::LOGICAL_AND, Ok([one, other])) => self.both(depth, one, other, Filter::And),
                    (operators::LOGICAL_OR, Ok([one, other])) => self.both(depth, one, other, Filter::Or),
                    (_, Ok(pair)) => self.question(expression, pair.into(), depth),
                    (operators::LOGICAL_NOT, Err(mut args)) if args.len() == 1 => {
                        self.step(expression.id, depth)?;
                        let inner = args.pop().unwrap_or_default();
                        Ok(Filter::Not(Box::new(self.filter(inner, depth + 1)?)))
                    }
                    (operators::CONDITIONAL, Err(args)) => match <[IdedExpr; 3]>::try_from(args) {
                        Ok([condition, then, otherwise]) => {
                            self.step(expression.id, depth)?;
                            let condition = self.filter(condition, depth + 1)?;
                            let then = self.filter(then, depth + 1)?;
                            let otherwise = self.filter(otherwise, depth + 1)?;
                            Ok(Filter::Choose(Box::new([condition, then, otherwise])))
                        }
                        Err(args) => self.question(expression, args, depth),
                    },
                    (_, Err(args)) => self.question(expression, args, depth),
                }
            }
            _ => self.question(expression, Vec::new(), depth),
        }
    }

    /// A chain of one connective is flat to its writer, however the parser balances it: it takes no depth.
    fn both(
        &mut self,
        depth: usize,
        one: IdedExpr,
        other: IdedExpr,
        connect: fn(Box<Filter>, Box<Filter>) -> Filter,
    ) -> Result<Filter, Fault> {
        self.step(one.id, depth)?;
        Ok(connect(Box::new(self.filter(one, depth)?), Box::new(self.filter(other, depth)?)))
    }

    /// `args` are those that were taken out of the call.
    fn question(
        &mut self,
        mut expression: IdedExpr,
        args: Vec<IdedExpr>,
        depth: usize,
    ) -> Result<Filter, Fault> {
        let mut otherwise = false;
        if let Expr::Call(call) = &mut expression.expr {
            if !args.is_empty() {
                call.args = args;
            }
            otherwise = call.func_name == operators::NOT_EQUALS;
        }
        let kind = self.kind(&mut expression, depth)?;
        self.truth(expression.id, kind)?;
        Ok(Filter::Question { expression, otherwise })
    }

    fn kind(&mut self, expression: &mut IdedExpr, depth: usize) -> Result<Kind, Fault> {
        self.step(expression.id, depth)?;
        let id = expression.id;
        match &mut expression.expr {
            Expr::Literal(literal) => self.literal(id, literal),
            Expr::Ident(name) => self.variable(id, name),
            Expr::Select(select) => self.select(id, select, depth),
            Expr::List(list) => {
                if !list.optional_indices.is_empty() {
                    return Err(self.fault(id, "a list has no optional parts here: leave the `?` out"));
                }
                self.list(id, &mut list.elements, depth)
            }
            Expr::Call(call) => {
                let kind = calls::kind(self, id, call, depth)?;
                calls::prepare(expression);
                Ok(kind)
            }
            Expr::Comprehension(comprehension) => loops::kind(self, id, comprehension, depth),
            Expr::Map(_) | Expr::Struct(_) => {
                Err(self.fault(id, "a filter makes no tables: compare names and constants"))
            }
            Expr::Unspecified => Err(self.fault(id, "is no expression")),
        }
    }

    fn literal(&self, id: u64, literal: &mut LiteralValue) -> Result<Kind, Fault> {
        match literal {
            LiteralValue::Boolean(_) => Ok(Kind::Truth),
            LiteralValue::Double(_) => Ok(Kind::Number),
            LiteralValue::String(_) => Ok(Kind::Text),
            LiteralValue::Int(integer) => {
                let integer = *integer.inner();
                if integer.unsigned_abs() > INTEGER_MAX.unsigned_abs() {
                    let reason = format!("{integer} has more digits than numbers keep: compare it as a text");
                    return Err(self.fault(id, reason));
                }
                *literal = LiteralValue::Double((integer as f64).into());
                Ok(Kind::Number)
            }
            LiteralValue::UInt(_) => Err(self.fault(id, "there is one kind of number: leave the `u` out")),
            LiteralValue::Bytes(_) => Err(self.fault(id, "there are no bytes here: leave the `b` out")),
            LiteralValue::Null => {
                Err(self.fault(id, "there is no null: ask with has(…), like !has(trait.city)"))
            }
        }
    }

    fn variable(&mut self, id: u64, name: &str) -> Result<Kind, Fault> {
        if let Some((bound, kind)) = &self.bound
            && bound == name
        {
            return Ok(*kind);
        }
        let Some(variable) = VARIABLES.iter().find(|variable| variable.name == name) else {
            let known: Vec<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
            let mend = mend(name, &known);
            return Err(self.fault(id, format!("unknown variable \"{name}\": {mend}")));
        };
        self.uses.variables.insert(variable.name);
        Ok(variable.kind)
    }

    /// `trait.city`, `days.last_event`, `has(trait.city)`.
    fn select(&mut self, id: u64, select: &mut SelectExpr, depth: usize) -> Result<Kind, Fault> {
        let SelectExpr { operand, field, test } = select;
        let of = self.kind(operand, depth + 1)?;
        let kind = match of {
            Kind::Record(fields) => {
                let Some(known) = fields.iter().find(|known| *known == field) else {
                    return Err(self.fault(id, format!("unknown field \"{field}\": {}", mend(field, fields))));
                };
                if fields == crate::language::DAYS {
                    self.uses.days.insert(known);
                }
                Kind::Number
            }
            Kind::Table(kind) => *kind,
            Kind::Truth | Kind::Number | Kind::Text | Kind::Any | Kind::Texts | Kind::Numbers => {
                let reason = format!("\"{field}\" is asked of {}, which has no fields", of.name());
                return Err(self.fault(id, reason));
            }
        };
        Ok(if *test { Kind::Truth } else { kind })
    }

    fn list(&mut self, id: u64, elements: &mut [IdedExpr], depth: usize) -> Result<Kind, Fault> {
        let mut kinds = Vec::with_capacity(elements.len());
        for element in elements {
            kinds.push(self.kind(element, depth + 1)?);
        }
        match kinds.first() {
            Some(Kind::Text) if kinds.iter().all(|kind| *kind == Kind::Text) => Ok(Kind::Texts),
            Some(Kind::Number) if kinds.iter().all(|kind| *kind == Kind::Number) => Ok(Kind::Numbers),
            _ => Err(self.fault(id, "a list has texts, or numbers, at least one, and nothing else")),
        }
    }

    /// Something whose truth is asked for: a truth, or a trait that may be one.
    fn truth(&self, id: u64, kind: Kind) -> Result<(), Fault> {
        match kind {
            Kind::Truth | Kind::Any => Ok(()),
            Kind::Number | Kind::Text | Kind::Texts | Kind::Numbers | Kind::Table(_) | Kind::Record(_) => {
                let reason =
                    format!("is {} where a condition is expected: compare it with something", kind.name());
                Err(self.fault(id, reason))
            }
        }
    }

    fn step(&mut self, id: u64, depth: usize) -> Result<(), Fault> {
        self.nodes += 1;
        if depth > DEPTH_MAX {
            return Err(too_deep(self.text, self.letter(id)));
        }
        if self.nodes > NODES_MAX {
            let reason = format!("has more than {NODES_MAX} parts up to here: make two segments of it");
            return Err(self.fault(id, reason));
        }
        Ok(())
    }

    fn fault(&self, id: u64, reason: impl Into<String>) -> Fault {
        Fault::at(self.text, self.letter(id), reason)
    }

    /// Where an expression stands, in letters. The parser counts bytes.
    fn letter(&self, id: u64) -> usize {
        let start = self.source.offset_for(id).map_or(0, |(start, _)| start);
        let before = usize::try_from(start).ok().and_then(|start| self.text.get(..start));
        before.unwrap_or_default().chars().count()
    }
}
