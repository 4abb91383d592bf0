;; Tells of an event that is none of the seven kinds.
;; frame: connector webhook
(data (i32.const 3000) "e1")
(func $spoil (param i32 i32)
    (i32.store (i32.const 2048) (i32.const 3000))
    (i32.store offset=4 (i32.const 2048) (i32.const 2))
    (i32.store8 offset=40 (i32.const 2048) (i32.const 99))
    (i32.store offset=4 (i32.const 512) (i32.const 2048))
    (i32.store offset=8 (i32.const 512) (i32.const 1)))
