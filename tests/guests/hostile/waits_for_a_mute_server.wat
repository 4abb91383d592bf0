;; Asks a server that takes the connection and never answers. The body of the webhook is its URL.
;; frame: connector webhook
(import "heliu:plugin/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(data (i32.const 2048) "GET")
(func $spoil (param $body i32) (param $bytes i32)
    (loop $more
        (call $send (i32.const 2048) (i32.const 3) (local.get $body) (local.get $bytes) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3072))
        (br $more)))
