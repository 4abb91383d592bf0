;; Refuses a webhook with its settings as the reason.
;; frame: connector webhook
(func $receive (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (i32.store8 (i32.const 512) (i32.const 1))
    (i32.store8 (i32.const 516) (i32.const 0))
    (i32.store (i32.const 520) (local.get 0))
    (i32.store (i32.const 524) (local.get 1))
    (i32.const 512))
