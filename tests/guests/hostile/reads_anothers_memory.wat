;; Reads a key that another connection of the same plugin wrote, and answers with it. Answers 404 where there is nothing.
;; frame: connector webhook
(import "heliu:plugin/memory@0.1.0" "get" (func $get (param i32 i32 i32)))
(data (i32.const 2048) "token")
(func $spoil (param i32 i32)
    (call $get (i32.const 2048) (i32.const 5) (i32.const 3072))
    (if (i32.load8_u (i32.const 3072))
        (then
            (i32.store offset=32 (i32.const 512) (i32.load (i32.const 3076)))
            (i32.store offset=36 (i32.const 512) (i32.load (i32.const 3080))))
        (else (i32.store16 offset=20 (i32.const 512) (i32.const 404)))))
