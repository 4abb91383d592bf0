;; Imports by a name that would clear the terminal of whoever reads why it is refused.
;; frame: component
(component
    (import "a\1b[2J" (func))
    (instance $empty)
    (export "heliu:plugin/policy@0.1.0" (instance $empty)))
