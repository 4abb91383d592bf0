;; Asks for a table without end.
;; frame: policy
(table $t 1 funcref)
(func $spoil (param $verdict i32)
    (loop $more (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 5000)) (i32.const -1)))))
