;; Its schema of settings is no JSON.
;; frame: policy
(func $describe (result i32)
    (i32.store8 (i32.const 1040) (i32.const 0x5b))
    (i32.const 256))
