;; Writes fifty kilobytes under another key at each call, and never deletes any: the host remembers for it, in its own memory.
;; The body of the webhook is the key.
;; frame: connector webhook
(import "heliu:plugin/memory@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i64)))
(func $spoil (param $body i32) (param $bytes i32)
    (call $set (local.get $body) (local.get $bytes) (i32.const 8192) (i32.const 50000) (i32.const 0) (i64.const 0)))
