;; Puts a trait that is not a number, with bits of its own in it.
;; frame: policy
(data (i32.const 2200) "score")
(func $spoil (param $verdict i32)
    (i32.store8 (i32.const 2056) (i32.const 3))
    (i32.store (i32.const 2064) (i32.const 2200))
    (i32.store (i32.const 2068) (i32.const 5))
    (i32.store8 (i32.const 2072) (i32.const 1))
    (i64.store (i32.const 2080) (i64.const 0x7ff8dead0000beef))
    (i32.store (local.get $verdict) (i32.const 2048))
    (i32.store offset=4 (local.get $verdict) (i32.const 1)))
