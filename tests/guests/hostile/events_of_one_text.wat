;; Tells of nine thousand events with one id of two kilobytes: a small memory of the guest's that would be a large one of ours.
;; frame: connector webhook
(func $spoil (param i32 i32)
    (local $at i32)
    (drop (memory.grow (i32.const 30)))
    (memory.fill (i32.const 2048) (i32.const 0x61) (i32.const 2048))
    (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $at) (i32.const 9000)))
        (i32.store (i32.add (i32.const 65536) (i32.mul (local.get $at) (i32.const 168))) (i32.const 2048))
        (i32.store offset=4 (i32.add (i32.const 65536) (i32.mul (local.get $at) (i32.const 168))) (i32.const 2048))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.store offset=4 (i32.const 512) (i32.const 65536))
    (i32.store offset=8 (i32.const 512) (i32.const 9000)))
