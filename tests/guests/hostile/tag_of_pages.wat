;; Sets a tag with a name of a page.
;; frame: policy
(func $spoil (param $verdict i32)
    (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 4096))
    (i32.store (i32.const 2064) (i32.const 65536))
    (i32.store (i32.const 2068) (i32.const 4096))
    (i32.store (local.get $verdict) (i32.const 2048))
    (i32.store offset=4 (local.get $verdict) (i32.const 1)))
