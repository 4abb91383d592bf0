//! Files that no text can say, or that would be too long in it.

use std::fmt::Write as _;

use crate::frame::{parsed, policy_with};
use crate::healthy;

/// So many modules of so many functions, each with so many locals and places.
const LABORIOUS_MODULES: usize = 4;
const LABORIOUS_FUNCTIONS: usize = 50;
const LABORIOUS_LOCALS: usize = 200;
const LABORIOUS_PLACES: usize = 800;

/// Sections of a component.
const CORE_MODULE_SECTION: u8 = 1;
const COMPONENT_SECTION: u8 = 4;

const VERDICTS: &str = "(call $verdicts (local.get $count))";

/// A good connector whose second half is missing.
pub(crate) fn cut_off() -> Vec<u8> {
    let mut file = healthy::connector();
    file.truncate(file.len() / 2);
    file
}

/// A good connector in which one bit, of the first section's number, is another.
pub(crate) fn bit_flipped() -> Vec<u8> {
    let mut file = healthy::connector();
    file[8] ^= 0x40;
    file
}

/// Some thousand bytes that make a thousand million instances: each component has the one before it twice.
pub(crate) fn instances() -> Vec<u8> {
    doubling(30)
}

/// 2 to the power of `doublings` core instances in a file that grows by a few bytes with each doubling.
#[must_use]
pub fn doubling(doublings: u32) -> Vec<u8> {
    let mut text = String::from(
        "(component (component $c0 (core module $m) (core instance (instantiate $m)))
        (instance $policy) (export \"heliu:plugin/policy@0.1.0\" (instance $policy))",
    );
    for at in 1..=doublings {
        let before = at - 1;
        let _ = write!(
            text,
            "(component $c{at} (instance (instantiate $c{before})) (instance (instantiate $c{before})))"
        );
    }
    let _ = write!(text, "(instance (instantiate $c{doublings})))");
    parsed(&text)
}

/// A policy that behaves, and has a function of almost a megabyte beside.
pub(crate) fn long_function() -> Vec<u8> {
    long(1, 80_000)
}

/// A policy that behaves, with so many functions of so many steps beside, of about 12 bytes and of some dozen
/// microseconds of compiling each. It is never called.
#[must_use]
pub fn long(functions: usize, steps: usize) -> Vec<u8> {
    let step = "(local.set $x (i64.xor (i64.mul (local.get $x) (i64.const 1000000007)) (local.get $y)))";
    let body = step.repeat(steps);
    let mut fields = String::new();
    for _ in 0..functions {
        let _ = write!(fields, "(func (param $x i64) (param $y i64) (result i64) {body} (local.get $x))");
    }
    policy_with(&fields, VERDICTS)
}

/// A policy that behaves, with modules beside that nobody makes an instance of: compiling them is all that they are for. Each of their
/// functions leaves a block at many places, with other values in many locals at each, and uses all of them behind it: a compiler brings
/// every local from every place. It takes about two seconds for each function, of eleven kilobytes, and minutes for all.
pub(crate) fn laborious() -> Vec<u8> {
    let mut body = String::from("(block $out ");
    for place in 0..LABORIOUS_PLACES {
        let local = 2 + place % LABORIOUS_LOCALS;
        let _ = write!(
            body,
            "(local.set {local} (i64.add (local.get 0) (i64.const {place})))
             (br_if $out (i32.wrap_i64 (local.get 1)))"
        );
    }
    body.push_str(") (local.get 0)");
    for local in 2..2 + LABORIOUS_LOCALS {
        let _ = write!(body, "(local.get {local}) (i64.add)");
    }
    let locals = "i64 ".repeat(LABORIOUS_LOCALS);
    let function = format!("(func (param i64 i64) (result i64) (local {locals}) {body})");
    let module = parsed(&format!("(module {})", function.repeat(LABORIOUS_FUNCTIONS)));
    let mut file = policy_with("", VERDICTS);
    for _ in 0..LABORIOUS_MODULES {
        section(CORE_MODULE_SECTION, &module, &mut file);
    }
    file
}

fn section(kind: u8, content: &[u8], file: &mut Vec<u8>) {
    file.push(kind);
    leb128(content.len(), file);
    file.extend_from_slice(content);
}

/// A component in a component in a component, three thousand deep.
pub(crate) fn nested() -> Vec<u8> {
    const COMPONENT: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
    let mut inner = COMPONENT.to_vec();
    for _ in 0..3000 {
        let mut outer = COMPONENT.to_vec();
        section(COMPONENT_SECTION, &inner, &mut outer);
        inner = outer;
    }
    let text = "(component (instance $policy) (export \"heliu:plugin/policy@0.1.0\" (instance $policy)))";
    let mut file = parsed(text);
    file.extend_from_slice(&inner[COMPONENT.len()..]);
    file
}

fn leb128(mut number: usize, into: &mut Vec<u8>) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        into.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return;
        }
    }
}
