;; Logs what is no UTF-8.
;; frame: connector webhook
(import "heliu:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))
(data (i32.const 2048) "\ff\fe\80\c0")
(func $spoil (param i32 i32) (call $log (i32.const 1) (i32.const 2048) (i32.const 4)))
