;; Logs a line of a gigabyte, of which it has no byte.
;; frame: connector webhook
(import "heliu:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))
(func $spoil (param i32 i32) (call $log (i32.const 1) (i32.const 8192) (i32.const 0x40000000)))
