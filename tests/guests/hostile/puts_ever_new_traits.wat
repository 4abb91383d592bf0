;; Puts a trait of a new name at each turn, and wakes itself to put the next: one customer's document without end.
;; frame: policy
(func $evaluate (param $settings i32) (param $length i32) (param $turns i32) (param $count i32) (result i32)
    (local $at i32) (local $letter i32) (local $name i32) (local $decisions i32) (local $now i64)
    (drop (call $verdicts (local.get $count)))
    (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $count)))
        (local.set $now (call $time (call $nth (local.get $turns) (local.get $at))))
        ;; Sixteen letters that say the time.
        (local.set $name (call $allocate (i32.const 16)))
        (local.set $letter (i32.const 0))
        (loop $write
            (i32.store8 (i32.add (local.get $name) (local.get $letter))
                (i32.add (i32.const 97) (i32.wrap_i64 (i64.and
                    (i64.shr_u (local.get $now) (i64.extend_i32_u (i32.shl (local.get $letter) (i32.const 2))))
                    (i64.const 15)))))
            (local.set $letter (i32.add (local.get $letter) (i32.const 1)))
            (br_if $write (i32.lt_u (local.get $letter) (i32.const 16))))
        (local.set $decisions (call $allocate (i32.mul (call $decision_bytes) (i32.const 2))))
        ;; Put: a number, 0, under that name.
        (i32.store8 offset=8 (local.get $decisions) (i32.const 3))
        (i32.store offset=16 (local.get $decisions) (local.get $name))
        (i32.store offset=20 (local.get $decisions) (i32.const 16))
        (i32.store8 offset=24 (local.get $decisions) (i32.const 1))
        (i32.store (call $verdict (local.get $at)) (local.get $decisions))
        (i32.store offset=4 (call $verdict (local.get $at)) (i32.const 2))
        ;; Wake, as soon as may be.
        (local.set $decisions (i32.add (local.get $decisions) (call $decision_bytes)))
        (i32.store8 offset=8 (local.get $decisions) (i32.const 4))
        (i32.store offset=16 (local.get $decisions) (local.get $name))
        (i32.store offset=20 (local.get $decisions) (i32.const 16))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.const 512))
