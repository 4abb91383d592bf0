;; Answers at an address at which no such answer can begin.
;; frame: policy
(func $evaluate (param i32 i32 i32 i32) (result i32) (i32.const 513))
