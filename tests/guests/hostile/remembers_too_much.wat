;; Remembers a hundred kilobytes of each customer, which would stand in her document for ever.
;; frame: policy
(func $spoil (param $verdict i32)
    (i32.store8 offset=8 (local.get $verdict) (i32.const 1))
    (i32.store offset=12 (local.get $verdict) (i32.const 8192))
    (i32.store offset=16 (local.get $verdict) (i32.const 100000)))
