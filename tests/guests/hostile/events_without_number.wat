;; Tells of ten thousand events and one at once.
;; frame: connector webhook
(func $spoil (param i32 i32)
    (drop (memory.grow (i32.const 30)))
    (i32.store offset=4 (i32.const 512) (i32.const 65536))
    (i32.store offset=8 (i32.const 512) (i32.const 10001)))
