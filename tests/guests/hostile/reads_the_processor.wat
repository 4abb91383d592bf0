;; Would decide otherwise on another processor: it remembers the bits of numbers that are none.
;; frame: policy
(func $evaluate (param $settings i32) (param $length i32) (param $turns i32) (param $count i32) (result i32)
    (local $at i32)
    (drop (call $verdicts (local.get $count)))
    ;; Zero by zero, the root of less than zero, and a number that is none plus one, with bits of its own.
    (f64.store (i32.const 2048) (f64.div (f64.const 0) (f64.const 0)))
    (f64.store (i32.const 2056) (f64.sqrt (f64.const -1)))
    (f64.store (i32.const 2064)
        (f64.add (f64.reinterpret_i64 (i64.const 0x7ff4dead0000beef)) (f64.const 1)))
    (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $count)))
        (i32.store8 offset=8 (call $verdict (local.get $at)) (i32.const 1))
        (i32.store offset=12 (call $verdict (local.get $at)) (i32.const 2048))
        (i32.store offset=16 (call $verdict (local.get $at)) (i32.const 24))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.const 512))
