;; A connector that imports the network where only the log was granted.
;; frame: connector webhook
(import "heliu:plugin/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
