;; Holds keys until there are none left for others.
;; frame: connector webhook
(import "heliu:plugin/memory@0.1.0" "hold" (func $hold (param i32 i32)))
(func $spoil (param i32 i32)
    (loop $more
        (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 0x01010101)))
        (call $hold (i32.const 2048) (i32.const 1))
        (br $more)))
