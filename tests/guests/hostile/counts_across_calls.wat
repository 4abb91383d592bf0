;; Would decide otherwise each time: it counts its calls, and tags at every call but the first.
;; frame: policy
(global $calls (mut i32) (i32.const 0))
(func $spoil (param $verdict i32)
    (i32.store (i32.const 2064) (i32.const 1136))
    (i32.store (i32.const 2068) (i32.const 3))
    (i32.store (local.get $verdict) (i32.const 2048))
    (i32.store offset=4 (local.get $verdict) (global.get $calls)))
(func $evaluate (param $settings i32) (param $length i32) (param $turns i32) (param $count i32) (result i32)
    (drop (call $verdicts (local.get $count)))
    (call $spoil (call $verdict (i32.const 0)))
    (global.set $calls (i32.const 1))
    (i32.const 512))
