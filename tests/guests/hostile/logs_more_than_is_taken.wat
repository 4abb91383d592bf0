;; Logs a line of twenty megabytes that it really has.
;; frame: connector webhook
(import "heliu:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))
(func $spoil (param i32 i32)
    (drop (memory.grow (i32.const 330)))
    (call $log (i32.const 1) (i32.const 0) (i32.const 20971520)))
