;; Computes for ever in its start function, before it is asked anything.
;; frame: policy
(func $for_ever (loop $l (br $l)))
(start $for_ever)
