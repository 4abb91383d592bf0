;; Writes a value of a hundred kilobytes into its memory.
;; frame: connector webhook
(import "heliu:plugin/memory@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i64)))
(func $spoil (param i32 i32)
    (call $set (i32.const 1024) (i32.const 7) (i32.const 8192) (i32.const 100000) (i32.const 0) (i64.const 0)))
