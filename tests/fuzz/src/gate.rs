//! The gate, as far as it reads a file itself: what comes after is done by a process that may die of it.

use sandbox::{Grants, Limits, Sandbox};

/// Larger memories and tables than these are refused by name; so the fuzzer finds the limits, too.
fn limits() -> Limits {
    Limits { component_bytes: 1 << 20, ..Limits::default() }
}

pub fn run(bytes: &[u8]) {
    let limits = limits();
    let looked = Sandbox::look(bytes, &Grants::all(), &limits);
    assert_eq!(looked, Sandbox::look(bytes, &Grants::all(), &limits), "the same file is judged the same");
    if let Err(refused) = &looked {
        assert!(!refused.to_string().is_empty());
        // Whoever is granted nothing gets no further.
        assert!(Sandbox::look(bytes, &Grants::none(), &limits).is_err(), "{refused}");
    }
}

/// Small components with every kind of section that the gate looks at.
const SAMPLES: &[&str] = &[
    "(component)",
    r#"(component (instance $i) (export "heliu:plugin/policy@0.1.0" (instance $i)))"#,
    r#"(component (instance $i) (export "heliu:plugin/about-connector@0.1.0" (instance $i))
        (export "heliu:plugin/webhook@0.1.0" (instance $i)) (export "heliu:plugin/feed@0.1.0" (instance $i)))"#,
    r#"(component (instance $i) (export "heliu:plugin/policy@0.1.0" (instance $i))
        (export "heliu:plugin/about-connector@0.1.0" (instance $i)))"#,
    r#"(component (instance $i) (export "heliu:plugin/policy@0.9.0" (instance $i)))"#,
    r#"(component
        (import "heliu:plugin/http@0.1.0" (instance (export "send" (func (param "url" string) (result (list u8))))))
        (import "heliu:plugin/memory@0.1.0" (instance)) (import "heliu:plugin/clock@0.1.0" (instance))
        (import "heliu:plugin/log@0.1.0" (instance)) (import "heliu:plugin/events@0.1.0" (instance))
        (instance $i) (export "heliu:plugin/about-connector@0.1.0" (instance $i)))"#,
    r#"(component (import "wasi:cli/environment@0.2.0" (instance (export "get" (func (result string)))))
        (instance $i) (export "heliu:plugin/policy@0.1.0" (instance $i)))"#,
    r#"(component (core module (memory 2) (table 10 funcref) (func (export "f") (result i32) i32.const 1)
            (data (i32.const 8) "data") (elem (i32.const 0) func 0))
        (component (import "a:b/c" (instance)) (core module (memory 3 4)))
        (instance $i) (export "heliu:plugin/policy@0.1.0" (instance $i)))"#,
    r#"(component (core module $m (memory 65536) (table 100001 funcref)) (core instance (instantiate $m))
        (instance $i) (export "heliu:plugin/policy@0.1.0" (instance $i)))"#,
    r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f"))) (type $r (record (field "a" u32) (field "b" (option string))))
        (instance $policy (export "describe" (func $f)) (export "evaluate" (func $f)))
        (export "heliu:plugin/policy@0.1.0" (instance $policy)))"#,
    "(module (memory 1) (func (export \"f\")))",
];

pub fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let mut seeds = SAMPLES.iter().map(wat::parse_str).collect::<Result<Vec<_>, _>>()?;
    seeds.push(b"\x7fELF".to_vec());
    Ok(seeds)
}
