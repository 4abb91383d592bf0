;; Calls the host while the host is in the middle of asking it for room.
;; frame: connector webhook
(import "heliu:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))
(func $realloc (param i32 i32 i32 i32) (result i32)
    (call $log (i32.const 1) (i32.const 1024) (i32.const 7))
    (call $allocate (local.get 3)))
