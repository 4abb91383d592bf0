;; Gives one verdict more than there are turns: whose would it be?
;; frame: policy
(func $evaluate (param i32 i32 i32 i32) (result i32)
    (call $verdicts (i32.add (local.get 3) (i32.const 1))))
