;; Makes handles until there is no room for them.
;; frame: policy
;; world: export mine: interface { resource thing; }
(import "[export]mine" "[resource-new]thing" (func $new (param i32) (result i32)))
(func $spoil (param $verdict i32) (loop $more (drop (call $new (i32.const 7))) (br $more)))
