;; Breaks off with its own secret, and a line that was never logged, on its lips.
;; frame: connector webhook
(import "heliu:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))
(data (i32.const 2048) "the key is hunter22\nERROR the host is compromised")
(func $spoil (param i32 i32)
    (call $log (i32.const 3) (i32.const 2048) (i32.const 49))
    (unreachable))
