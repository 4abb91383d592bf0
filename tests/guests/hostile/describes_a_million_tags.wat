;; Declares so many tags that a list of them is a bomb.
;; frame: policy
(func $describe (result i32)
    (drop (memory.grow (i32.const 140)))
    (i32.store offset=28 (i32.const 256) (i32.const 1000000))
    (i32.store offset=24 (i32.const 256) (i32.const 16384))
    (i32.const 256))
