;; Logs for ever.
;; frame: connector webhook
(import "heliu:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))
(data (i32.const 2048) "\1b[2J\e2\80\ae harmless\r\n")
(func $spoil (param i32 i32)
    (loop $more (call $log (i32.const 1) (i32.const 2048) (i32.const 18)) (br $more)))
