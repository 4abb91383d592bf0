;; Gives a list of two thousand million verdicts, which would begin in its memory and end in that of others.
;; frame: policy
(func $evaluate (param i32 i32 i32 i32) (result i32)
    (i32.store (i32.const 516) (i32.const 8192))
    (i32.store (i32.const 520) (i32.const 0x7fffffff))
    (i32.const 512))
