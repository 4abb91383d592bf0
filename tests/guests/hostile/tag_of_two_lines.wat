;; Sets a tag with a line break in its name, and a line that was never logged behind it.
;; frame: policy
(data (i32.const 2200) "vip\nERROR nothing to see here")
(func $spoil (param $verdict i32)
    (i32.store (i32.const 2064) (i32.const 2200))
    (i32.store (i32.const 2068) (i32.const 29))
    (i32.store (local.get $verdict) (i32.const 2048))
    (i32.store offset=4 (local.get $verdict) (i32.const 1)))
