;; One instruction that writes two pages, again and again: cheap, if only instructions were counted.
;; frame: policy
(func $spoil (param $verdict i32)
    (loop $for_ever
        (memory.fill (i32.const 65536) (i32.const 7) (i32.const 65536))
        (br $for_ever)))
