;; A policy that is a connector, too: the one part would lend the other its network.
;; frame: component
(component
    (instance $empty)
    (export "heliu:plugin/policy@0.1.0" (instance $empty))
    (export "heliu:plugin/about-connector@0.1.0" (instance $empty)))
