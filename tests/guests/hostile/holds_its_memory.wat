;; Takes as much memory as one call may, and waits with it.
;; frame: connector webhook
(import "heliu:plugin/memory@0.1.0" "hold" (func $hold (param i32 i32)))
(func $spoil (param i32 i32)
    (drop (memory.grow (i32.const 14)))
    (call $hold (i32.const 1024) (i32.const 7)))
