;; Tags everybody, and remembers the position.
;; frame: policy
(func $evaluate (param $settings i32) (param $length i32) (param $turns i32) (param $count i32) (result i32)
    (local $at i32) (local $verdict i32) (local $position i32)
    ;; One decision for all: the tag at 1136, because of what stands at 2100.
    (i32.store (i32.const 2048) (i32.const 2100))
    (i32.store (i32.const 2052) (i32.const 3))
    (i32.store (i32.const 2064) (i32.const 1136))
    (i32.store (i32.const 2068) (i32.const 3))
    (drop (call $verdicts (local.get $count)))
    (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $count)))
        (local.set $verdict (call $verdict (local.get $at)))
        (i32.store (local.get $verdict) (i32.const 2048))
        (i32.store offset=4 (local.get $verdict) (i32.const 1))
        (local.set $position (call $allocate (i32.const 8)))
        (i64.store (local.get $position) (call $position (call $nth (local.get $turns) (local.get $at))))
        (i32.store8 offset=8 (local.get $verdict) (i32.const 1))
        (i32.store offset=12 (local.get $verdict) (local.get $position))
        (i32.store offset=16 (local.get $verdict) (i32.const 8))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.const 512))
(data (i32.const 2100) "all")
