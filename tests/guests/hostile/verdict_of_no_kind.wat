;; Answers with a result that is neither a success nor an error.
;; frame: policy
(func $evaluate (param i32 i32 i32 i32) (result i32)
    (i32.store8 (i32.const 512) (i32.const 7))
    (i32.const 512))
