;; Tells the host to write where its memory ends.
;; frame: policy
(func $realloc (param i32 i32 i32 i32) (result i32) (i32.const 0x7ffffff0))
