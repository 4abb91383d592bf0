;; Gives two megabytes of packed verdicts.
;; frame: policy
;; world: export heliu:plugin/packed-policy@0.1.0;
(start $grow)
(func $grow (drop (memory.grow (i32.const 40))))
(data (i32.const 2048) "\01")
(func $packed (param i32 i32 i32 i32) (result i32)
    (i32.store8 (i32.const 512) (i32.const 0))
    (i32.store (i32.const 516) (i32.const 2048))
    (i32.store (i32.const 520) (i32.const 2097152))
    (i32.const 512))
(export "heliu:plugin/packed-policy@0.1.0#evaluate" (func $packed))
