;; Fails with a text of eight megabytes that it really has.
;; frame: policy
(func $evaluate (param i32 i32 i32 i32) (result i32)
    (drop (memory.grow (i32.const 130)))
    (i32.store8 (i32.const 512) (i32.const 1))
    (i32.store (i32.const 516) (i32.const 0))
    (i32.store (i32.const 520) (i32.const 8388608))
    (i32.const 512))
