;; Imports code: what runs would not be what was admitted.
;; frame: component
(component
    (import "heliu:plugin/code" (core module))
    (instance $empty)
    (export "heliu:plugin/policy@0.1.0" (instance $empty)))
