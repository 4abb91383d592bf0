;; Gives a cursor that is no JSON: it would stand in the journal, and fail whoever reads it.
;; frame: connector feed
(func $poll (param i32 i32 i32 i32 i32) (result i32)
    ;; The page: no events, no chores, and the cursor.
    (i32.store offset=20 (i32.const 512) (i32.const 1024))
    (i32.store offset=24 (i32.const 512) (i32.const 7))
    (i32.const 512))
