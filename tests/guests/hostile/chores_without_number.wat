;; Asks for ten thousand chores and one while it does one.
;; frame: connector chore-worker
(func $work (param i32 i32 i32 i32 i32 i64 i32 i32) (result i32)
    (drop (memory.grow (i32.const 10)))
    (i32.store offset=12 (i32.const 512) (i32.const 65536))
    (i32.store offset=16 (i32.const 512) (i32.const 10001))
    (i32.const 512))
