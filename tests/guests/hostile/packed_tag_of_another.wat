;; Sets a tag that is not in its descriptor, packed.
;; frame: policy
;; world: export heliu:plugin/packed-policy@0.1.0;
(data (i32.const 2048) "\01\01\03why\00\09blacklist\00\00")
(func $packed (param i32 i32 i32 i32) (result i32)
    (i32.store8 (i32.const 512) (i32.const 0))
    (i32.store (i32.const 516) (i32.const 2048))
    (i32.store (i32.const 520) (i32.const 19))
    (i32.const 512))
(export "heliu:plugin/packed-policy@0.1.0#evaluate" (func $packed))
