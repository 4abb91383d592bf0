;; Calls itself for ever when it is asked what it is.
;; frame: policy
(func $describe (result i32) (i32.add (call $describe) (call $describe)))
