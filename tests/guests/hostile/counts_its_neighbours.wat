;; Would decide otherwise when the journal is cut elsewhere: it tags everybody but the first of a call.
;; frame: policy
(func $evaluate (param $settings i32) (param $length i32) (param $turns i32) (param $count i32) (result i32)
    (local $at i32)
    (i32.store (i32.const 2064) (i32.const 1136))
    (i32.store (i32.const 2068) (i32.const 3))
    (drop (call $verdicts (local.get $count)))
    (local.set $at (i32.const 1))
    (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $count)))
        (i32.store (call $verdict (local.get $at)) (i32.const 2048))
        (i32.store offset=4 (call $verdict (local.get $at)) (i32.const 1))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.const 512))
