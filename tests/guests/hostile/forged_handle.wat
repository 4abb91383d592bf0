;; Uses a handle that nobody gave it.
;; frame: policy
;; world: export mine: interface { resource thing; }
(import "[export]mine" "[resource-rep]thing" (func $rep (param i32) (result i32)))
(func $spoil (param $verdict i32) (drop (call $rep (i32.const 12345))))
