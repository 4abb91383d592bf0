;; Begins with a gigabyte of memory.
;; frame: component
(component
    (core module $m (memory (export "memory") 16384))
    (core instance $i (instantiate $m))
    (instance $empty)
    (export "heliu:plugin/policy@0.1.0" (instance $empty)))
