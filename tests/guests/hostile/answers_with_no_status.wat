;; Answers with the status 0.
;; frame: connector webhook
(func $spoil (param i32 i32) (i32.store16 offset=20 (i32.const 512) (i32.const 0)))
