;; A connector that asks for sockets beside the granted network.
;; frame: component
(component
    (import "wasi:sockets/instance-network@0.2.0" (instance (export "instance-network" (func (result u32)))))
    (instance $empty)
    (export "heliu:plugin/about-connector@0.1.0" (instance $empty)))
