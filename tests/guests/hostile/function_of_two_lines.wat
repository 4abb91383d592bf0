;; Breaks off in a function whose name is a line that was never logged, and many more letters.
;; frame: policy
(func $"spoil\nERROR nothing to see here 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789" (unreachable))
(func $spoil (param $verdict i32) (call 0))
