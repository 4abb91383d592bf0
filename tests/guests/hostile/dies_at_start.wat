;; Breaks off in its start function.
;; frame: policy
(func $die (unreachable))
(start $die)
