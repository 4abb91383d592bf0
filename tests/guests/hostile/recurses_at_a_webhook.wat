;; Calls itself for ever.
;; frame: connector webhook
(func $down (call $down) (call $down))
(func $spoil (param i32 i32) (call $down))
