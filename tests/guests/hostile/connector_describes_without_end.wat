;; The same, where no fuel is counted.
;; frame: connector webhook
(func $describe (result i32) (loop $l (br $l)) (unreachable))
