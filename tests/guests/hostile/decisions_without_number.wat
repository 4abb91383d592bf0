;; Gives thousands of decisions in one verdict.
;; frame: policy
(func $spoil (param $verdict i32)
    (drop (memory.grow (i32.const 32)))
    (i32.store (local.get $verdict) (i32.const 131072))
    (i32.store offset=4 (local.get $verdict) (i32.const 5000)))
