;; Speaks a version of the contract that this host does not.
;; frame: component
(component (instance $empty) (export "heliu:plugin/policy@0.9.0" (instance $empty)))
