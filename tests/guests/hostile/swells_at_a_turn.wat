;; Asks for memory until there is none.
;; frame: policy
(func $spoil (param $verdict i32)
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))))
