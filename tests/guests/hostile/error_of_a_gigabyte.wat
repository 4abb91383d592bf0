;; Fails with a text of a gigabyte, of which it has no byte.
;; frame: policy
(func $evaluate (param i32 i32 i32 i32) (result i32)
    (i32.store8 (i32.const 512) (i32.const 1))
    (i32.store (i32.const 516) (i32.const 8192))
    (i32.store (i32.const 520) (i32.const 0x40000000))
    (i32.const 512))
