;; An interface of types alone, which everybody may import, with a function in it.
;; frame: component
(component
    (import "heliu:plugin/events@0.1.0" (instance (export "f" (func))))
    (instance $empty)
    (export "heliu:plugin/policy@0.1.0" (instance $empty)))
