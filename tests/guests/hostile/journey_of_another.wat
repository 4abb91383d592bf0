;; Moves her on a journey that it did not declare.
;; frame: policy
(data (i32.const 2200) "lifecyclelost")
(func $spoil (param $verdict i32)
    (i32.store8 (i32.const 2056) (i32.const 2))
    (i32.store (i32.const 2064) (i32.const 2200))
    (i32.store (i32.const 2068) (i32.const 9))
    (i32.store (i32.const 2072) (i32.const 2209))
    (i32.store (i32.const 2076) (i32.const 4))
    (i32.store (local.get $verdict) (i32.const 2048))
    (i32.store offset=4 (local.get $verdict) (i32.const 1)))
