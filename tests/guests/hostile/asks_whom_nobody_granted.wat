;; Asks the metadata service of the cloud for the machine's credentials, and answers with what it got: 200, or 403.
;; frame: connector webhook
(import "heliu:plugin/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(data (i32.const 2048) "GET")
(data (i32.const 2064) "http://169.254.169.254/latest/meta-data/iam/security-credentials/")
(func $spoil (param i32 i32)
    (call $send (i32.const 2048) (i32.const 3) (i32.const 2064) (i32.const 66) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3072))
    (if (i32.load8_u (i32.const 3072)) (then (i32.store16 offset=20 (i32.const 512) (i32.const 403)))))
