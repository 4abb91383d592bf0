;; Answers a webhook with its own body.
;; frame: connector webhook
(func $spoil (param $body i32) (param $bytes i32)
    (i32.store offset=32 (i32.const 512) (local.get $body))
    (i32.store offset=36 (i32.const 512) (local.get $bytes)))
