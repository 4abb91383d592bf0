;; A policy that asks for the environment of the host, as what is built for wasip2 does.
;; frame: component
(component
    (import "wasi:cli/environment@0.2.0"
        (instance (export "get-environment" (func (result (list (tuple string string)))))))
    (instance $empty)
    (export "heliu:plugin/policy@0.1.0" (instance $empty)))
