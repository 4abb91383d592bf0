;; Declares a kind of handle that is other channels', and names their customer by it: she would be one with whom it likes.
;; frame: connector webhook
;; The scheme: its name, that it lasts, and that one may have several.
(data (i32.const 2952) "\ba\0b\00\00\05\00\00\00\01\00\00\00")
(func $describe (result i32)
    (i32.store offset=24 (i32.const 256) (i32.const 2952))
    (i32.store offset=28 (i32.const 256) (i32.const 1))
    (i32.const 256))
(data (i32.const 3000) "e1phone13900000000")
;; The handle: scheme, scope, value.
(data (i32.const 2900) "\ba\0b\00\00\05\00\00\00\00\00\00\00\00\00\00\00\bf\0b\00\00\0b\00\00\00")
(func $spoil (param i32 i32)
    (i32.store (i32.const 2048) (i32.const 3000))
    (i32.store offset=4 (i32.const 2048) (i32.const 2))
    (i32.store offset=16 (i32.const 2048) (i32.const 2900))
    (i32.store offset=20 (i32.const 2048) (i32.const 1))
    ;; It did `e1`.
    (i32.store8 offset=40 (i32.const 2048) (i32.const 3))
    (i32.store offset=48 (i32.const 2048) (i32.const 3000))
    (i32.store offset=52 (i32.const 2048) (i32.const 2))
    (i32.store offset=4 (i32.const 512) (i32.const 2048))
    (i32.store offset=8 (i32.const 512) (i32.const 1)))
