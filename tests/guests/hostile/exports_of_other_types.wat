;; The contract's names with functions of other types behind them.
;; frame: component
(component
    (core module $m (func (export "f")))
    (core instance $i (instantiate $m))
    (func $f (canon lift (core func $i "f")))
    (instance $policy (export "describe" (func $f)) (export "evaluate" (func $f)))
    (export "heliu:plugin/policy@0.1.0" (instance $policy)))
