;; Computes for ever.
;; frame: connector webhook
(func $spoil (param i32 i32) (loop $for_ever (br $for_ever)))
