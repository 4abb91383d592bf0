;; Writes its settings all over its memory, and looks for what others left in theirs: in everything that it never wrote.
;; Answers 500 if it finds a byte.
;; frame: connector webhook
(func $receive (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (local $at i32)
    (drop (call $answer))
    (drop (memory.grow (i32.const 14)))
    (local.set $at (i32.const 65536))
    (block $done (loop $look
        (br_if $done (i32.ge_u (local.get $at) (i32.const 1048576)))
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0))
            (then (i32.store16 offset=20 (i32.const 512) (i32.const 500)) (br $done)))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $look)))
    (local.set $at (i32.const 65536))
    (block $done (loop $write
        (br_if $done (i32.ge_u (local.get $at) (i32.const 1040000)))
        (memory.copy (local.get $at) (local.get 0) (local.get 1))
        (local.set $at (i32.add (local.get $at) (local.get 1)))
        (br $write)))
    (i32.const 512))
