;; Computes for ever when the host asks it for room.
;; frame: policy
(func $realloc (param i32 i32 i32 i32) (result i32) (loop $l (br $l)) (unreachable))
