;; Answers with nine megabytes.
;; frame: connector webhook
(func $spoil (param i32 i32)
    (drop (memory.grow (i32.const 150)))
    (i32.store offset=36 (i32.const 512) (i32.const 9437184)))
