;; Computes for ever when it is asked what it is.
;; frame: policy
(func $describe (result i32) (loop $l (br $l)) (unreachable))
