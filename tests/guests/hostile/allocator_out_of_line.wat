;; Gives room at an address at which no turn can begin.
;; frame: policy
(func $realloc (param i32 i32 i32 i32) (result i32)
    (i32.or (call $allocate (i32.add (local.get 3) (i32.const 8))) (i32.const 1)))
