;; Calls itself for ever.
;; frame: policy
(func $down (call $down) (call $down))
(func $spoil (param $verdict i32) (call $down))
