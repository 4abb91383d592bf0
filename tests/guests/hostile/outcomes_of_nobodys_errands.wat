;; Says that it carried one errand more than it was given.
;; frame: connector outlet
(func $carry (param i32 i32 i32 i32) (result i32)
    (call $delivery (i32.add (local.get 3) (i32.const 1))))
