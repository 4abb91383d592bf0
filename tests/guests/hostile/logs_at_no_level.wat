;; Logs at a level that there is not.
;; frame: connector webhook
(import "heliu:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))
(func $spoil (param i32 i32) (call $log (i32.const 77) (i32.const 1024) (i32.const 7)))
