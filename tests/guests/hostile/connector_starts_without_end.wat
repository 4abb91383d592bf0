;; The same, where no fuel is counted.
;; frame: connector webhook
(func $for_ever (loop $l (br $l)))
(start $for_ever)
