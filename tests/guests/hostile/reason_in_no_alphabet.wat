;; Gives a reason that is no UTF-8.
;; frame: policy
(data (i32.const 2200) "\ff\fe\80\c0")
(func $spoil (param $verdict i32)
    (i32.store (i32.const 2048) (i32.const 2200))
    (i32.store (i32.const 2052) (i32.const 4))
    (i32.store (i32.const 2064) (i32.const 1136))
    (i32.store (i32.const 2068) (i32.const 3))
    (i32.store (local.get $verdict) (i32.const 2048))
    (i32.store offset=4 (local.get $verdict) (i32.const 1)))
