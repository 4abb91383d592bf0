;; Calls the host for ever, and hardly computes itself.
;; frame: connector webhook
(import "heliu:plugin/memory@0.1.0" "get" (func $get (param i32 i32 i32)))
(func $spoil (param i32 i32)
    (loop $more (call $get (i32.const 1024) (i32.const 7) (i32.const 3072)) (br $more)))
