//! A connector out of a core module in text, which does what the first letter of its input says.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const WORLD: &str = "
    export heliu:plugin/about-connector@0.1.0;
    export heliu:plugin/webhook@0.1.0;
    export heliu:plugin/chore-worker@0.1.0;
    export heliu:plugin/feed@0.1.0;";

/// `(ptr, len)` pairs in memory.
fn words(words: &[u32]) -> String {
    words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("\\{byte:02x}")).collect()
}

/// A request, or the text of a chore's job: `t` traps, `l` loops for ever, `m` is malformed, `n` not authentic, `u` finds the
/// credentials refused; anything else is well. A request that begins with `c` asks for a chore. The feed's page behind `"a"` is
/// malformed. Mended, the plugin takes `t` for `c`, and all pages.
pub(super) fn connector(mended: bool) -> Vec<u8> {
    let descriptor = words(&[1024, 4, 1024, 4, 1040, 2, 0, 0, 0, 0, 0, 0]);
    let chore = words(&[1136, 3, 0, 0, 0, 0, 1144, 3]);
    let trap = if mended { "(call $chore)" } else { "unreachable" };
    let odd = i32::from(!mended);
    component(&format!(
        r#"(module
        (memory (export "memory") 2)
        (global $top (mut i32) (i32.const 8192))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
            (global.set $top (i32.add (local.get $at) (local.get 3)))
            (local.get $at))
        (data (i32.const 256) "{descriptor}")
        (data (i32.const 1024) "test")
        (data (i32.const 1040) "{{}}")
        (data (i32.const 1064) "odd")
        (data (i32.const 1072) "{chore}")
        (data (i32.const 1136) "key")
        (data (i32.const 1144) "\22c\22")
        (data (i32.const 1120) "\22a\22")
        (data (i32.const 1128) "\22b\22")
        (func (export "heliu:plugin/about-connector@0.1.0#describe") (result i32) (i32.const 256))
        (func $is (param $at i32) (param $letter i32) (result i32)
            (i32.eq (i32.load8_u (local.get $at)) (local.get $letter)))
        (func $chore
            (i32.store (i32.const 524) (i32.const 1072))
            (i32.store (i32.const 528) (i32.const 1)))
        (func (export "heliu:plugin/webhook@0.1.0#receive")
            (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            (i32.store16 (i32.const 532) (i32.const 200))
            (if (call $is (local.get 10) (i32.const 116)) (then {trap}))
            (if (call $is (local.get 10) (i32.const 99)) (then (call $chore)))
            (if (call $is (local.get 10) (i32.const 108)) (then (loop $for_ever (br $for_ever))))
            (if (call $is (local.get 10) (i32.const 109)) (then
                (i32.store8 (i32.const 512) (i32.const 1))
                (i32.store8 (i32.const 516) (i32.const 1))
                (i32.store (i32.const 520) (i32.const 1064))
                (i32.store (i32.const 524) (i32.const 3))
                (i32.store (i32.const 528) (i32.const 200))
                (i32.store (i32.const 532) (i32.const 0))))
            (if (call $is (local.get 10) (i32.const 110)) (then
                (i32.store8 (i32.const 512) (i32.const 1))
                (i32.store8 (i32.const 516) (i32.const 0))
                (i32.store (i32.const 520) (i32.const 1064))
                (i32.store (i32.const 524) (i32.const 3))))
            (i32.const 512))
        (func $fault (param $kind i32)
            (i32.store8 (i32.const 640) (i32.const 1))
            (i32.store8 (i32.const 644) (local.get $kind))
            (i32.store (i32.const 648) (i32.const 1064))
            (i32.store (i32.const 652) (i32.const 3)))
        (func (export "heliu:plugin/chore-worker@0.1.0#work")
            (param i32 i32 i32 i32 i32 i64 i32 i32) (result i32)
            (local $job i32)
            (local.set $job (i32.add (local.get 6) (i32.const 1)))
            (if (call $is (local.get $job) (i32.const 116)) (then unreachable))
            (if (call $is (local.get $job) (i32.const 109)) (then (call $fault (i32.const 1))))
            (if (call $is (local.get $job) (i32.const 117)) (then (call $fault (i32.const 3))))
            (i32.const 640))
        (func (export "heliu:plugin/feed@0.1.0#poll")
            (param i32 i32 i32 i32 i32) (result i32)
            (i32.store (i32.const 664) (i32.const 3))
            (if (i32.eqz (local.get 2)) (then
                (i32.store (i32.const 660) (i32.const 1120))
                (return (i32.const 640))))
            (i32.store (i32.const 660) (i32.const 1128))
            (if (i32.and (i32.const {odd}) (call $is (i32.add (local.get 3) (i32.const 1)) (i32.const 97)))
                (then (call $fault (i32.const 1))))
            (i32.const 640)))"#
    ))
}

fn component(module: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/v0.1")).unwrap();
    let text = format!("package test:guest;\nworld guest {{ {WORLD} }}");
    let package = resolve.push_str("guest.wit", &text).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}
