;; Computes for ever.
;; frame: policy
(func $spoil (param $verdict i32) (loop $for_ever (br $for_ever)))
