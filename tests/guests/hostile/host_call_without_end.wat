;; Waits inside a call of the host for what never comes: a key that another call holds.
;; frame: connector webhook
(import "heliu:plugin/memory@0.1.0" "hold" (func $hold (param i32 i32)))
(func $spoil (param i32 i32) (call $hold (i32.const 1024) (i32.const 7)))
