;; Asks for memory until there is none.
;; frame: connector webhook
(func $spoil (param i32 i32)
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))))
