;; A policy with a clock: it would decide otherwise tomorrow.
;; frame: policy
;; world: import heliu:plugin/clock@0.1.0;
(import "heliu:plugin/clock@0.1.0" "now" (func $now (result i64)))
(func $spoil (param $verdict i32) (drop (call $now)))
