;; Writes keys without number into its memory.
;; frame: connector webhook
(import "heliu:plugin/memory@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i64)))
(func $spoil (param i32 i32)
    (local $i i32)
    (loop $more
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (i32.store (i32.const 2048) (i32.add (i32.const 0x30303030) (i32.and (local.get $i) (i32.const 0x0f))))
        (i32.store8 (i32.const 2049) (i32.add (i32.const 0x30) (i32.and (i32.shr_u (local.get $i) (i32.const 4)) (i32.const 0x0f))))
        (i32.store8 (i32.const 2050) (i32.add (i32.const 0x30) (i32.and (i32.shr_u (local.get $i) (i32.const 8)) (i32.const 0x0f))))
        (call $set (i32.const 2048) (i32.const 4) (i32.const 1024) (i32.const 1) (i32.const 0) (i64.const 0))
        (br $more)))
