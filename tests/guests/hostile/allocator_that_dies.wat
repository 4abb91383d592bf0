;; Breaks off when the host asks it for room, in the middle of handing the turns over.
;; frame: policy
(func $realloc (param i32 i32 i32 i32) (result i32) (unreachable))
