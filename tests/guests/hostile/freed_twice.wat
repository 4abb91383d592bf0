;; Drops a handle twice, and would drop the one that came into its place.
;; frame: policy
;; world: export mine: interface { resource thing; }
(import "[export]mine" "[resource-new]thing" (func $new (param i32) (result i32)))
(import "[export]mine" "[resource-drop]thing" (func $drop (param i32)))
(func $spoil (param $verdict i32)
    (local $handle i32)
    (local.set $handle (call $new (i32.const 7)))
    (call $drop (local.get $handle))
    (call $drop (local.get $handle)))
