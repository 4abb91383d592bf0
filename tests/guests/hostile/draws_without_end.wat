;; Asks for four gigabytes of chance.
;; frame: connector webhook
(import "heliu:plugin/clock@0.1.0" "random" (func $random (param i32 i32)))
(func $spoil (param i32 i32) (call $random (i32.const -1) (i32.const 3072)))
