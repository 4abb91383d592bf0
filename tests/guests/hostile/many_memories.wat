;; Has more memories than the pool holds for one plugin.
;; frame: component
(component
    (core module $m (memory 1))
    (core instance (instantiate $m))
    (core instance (instantiate $m))
    (core instance (instantiate $m))
    (instance $empty)
    (export "heliu:plugin/policy@0.1.0" (instance $empty)))
