//! A checked filter, and how it is asked.
//!
//! What connects truths (`&&`, `||`, `!`, `? :`) is decided here; each comparison below it is a question for CEL's
//! evaluator. So what is missing makes one comparison false, and never the whole filter an error.

use cel::{Context, ExecutionError, IdedExpr, Value};

use crate::Fault;

/// Invariant: every expression in it went through `check`.
#[derive(Debug)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    /// If the first, then the second, else the third.
    Choose(Box<[Filter; 3]>),
    Question {
        expression: IdedExpr,
        /// What it is for a customer who has not what it asks for.
        otherwise: bool,
    },
}

impl Filter {
    pub(crate) fn test(&self, context: &Context<'_, '_>, text: &str) -> Result<bool, Fault> {
        match self {
            Filter::And(one, other) => Ok(one.test(context, text)? && other.test(context, text)?),
            Filter::Or(one, other) => Ok(one.test(context, text)? || other.test(context, text)?),
            Filter::Not(filter) => Ok(!filter.test(context, text)?),
            Filter::Choose(parts) => {
                let [condition, then, otherwise] = &**parts;
                let chosen = if condition.test(context, text)? { then } else { otherwise };
                chosen.test(context, text)
            }
            Filter::Question { expression, otherwise } => match Value::resolve(expression, context) {
                Ok(Value::Bool(truth)) => Ok(truth),
                // A trait in the place of a truth that is none.
                Ok(_) => Ok(*otherwise),
                Err(error) if is_missing(&error) => Ok(*otherwise),
                Err(error) => Err(Fault::at(text, 0, format!("the evaluator refused it: {error}"))),
            },
        }
    }
}

/// She does not have it, or has it as another kind of value: a trait alone can be that, by the check of kinds.
fn is_missing(error: &ExecutionError) -> bool {
    matches!(
        error,
        ExecutionError::NoSuchKey(_)
            | ExecutionError::NoSuchOverload(_)
            | ExecutionError::ValuesNotComparable(_, _)
            | ExecutionError::UnexpectedType { .. }
            | ExecutionError::UnsupportedBinaryOperator(_, _, _)
            | ExecutionError::UnsupportedTargetType { .. }
            | ExecutionError::NotSupportedAsMethod { .. }
    )
}
