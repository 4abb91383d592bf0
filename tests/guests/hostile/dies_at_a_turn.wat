;; Breaks off, deep inside.
;; frame: policy
(func $deep_inside (unreachable))
(func $spoil (param $verdict i32) (call $deep_inside))
