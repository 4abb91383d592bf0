;; Names a person by a handle of a kind that it did not declare: whose person would become one with hers?
;; frame: connector webhook
(data (i32.const 3000) "e1wechat.unionidoXyz")
;; The handle: scheme, scope, value.
(data (i32.const 2900) "\ba\0b\00\00\0e\00\00\00\00\00\00\00\00\00\00\00\c8\0b\00\00\04\00\00\00")
(func $spoil (param i32 i32)
    (i32.store (i32.const 2048) (i32.const 3000))
    (i32.store offset=4 (i32.const 2048) (i32.const 2))
    (i32.store offset=16 (i32.const 2048) (i32.const 2900))
    (i32.store offset=20 (i32.const 2048) (i32.const 1))
    ;; It did `joined-group`.
    (i32.store8 offset=40 (i32.const 2048) (i32.const 3))
    (i32.store offset=48 (i32.const 2048) (i32.const 3000))
    (i32.store offset=52 (i32.const 2048) (i32.const 2))
    (i32.store offset=4 (i32.const 512) (i32.const 2048))
    (i32.store offset=8 (i32.const 512) (i32.const 1)))
