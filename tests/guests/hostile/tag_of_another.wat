;; Sets a tag that it did not declare: another policy's.
;; frame: policy
(data (i32.const 2200) "blacklisted")
(func $spoil (param $verdict i32)
    (i32.store (i32.const 2064) (i32.const 2200))
    (i32.store (i32.const 2068) (i32.const 11))
    (i32.store (local.get $verdict) (i32.const 2048))
    (i32.store offset=4 (local.get $verdict) (i32.const 1)))
