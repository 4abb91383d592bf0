;; Logs lines of eight megabytes of control characters: each would be forty when they are made visible.
;; frame: connector webhook
(import "heliu:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))
(func $spoil (param i32 i32)
    (drop (memory.grow (i32.const 130)))
    (memory.fill (i32.const 65536) (i32.const 27) (i32.const 8388608))
    (loop $more (call $log (i32.const 1) (i32.const 65536) (i32.const 8388608)) (br $more)))
