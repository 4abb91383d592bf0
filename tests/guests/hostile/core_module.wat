;; A core module under a component's name: it would bring an ABI of its own.
;; frame: core
(module (memory (export "memory") 1) (func (export "heliu:plugin/policy@0.1.0#describe") (result i32) (i32.const 0)))
