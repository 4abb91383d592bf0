;; Sends requests for ever.
;; frame: connector webhook
(import "heliu:plugin/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(data (i32.const 2048) "GET")
(data (i32.const 2064) "http://127.0.0.1:1/")
(func $spoil (param i32 i32)
    (loop $more
        (call $send (i32.const 2048) (i32.const 3) (i32.const 2064) (i32.const 19) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3072))
        (br $more)))
