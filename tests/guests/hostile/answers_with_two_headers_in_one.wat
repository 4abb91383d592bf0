;; Answers with a header in which another begins.
;; frame: connector webhook
(data (i32.const 2048) "\80\08\00\00\01\00\00\00\84\08\00\00\17\00\00\00")
(data (i32.const 2176) "x")
(data (i32.const 2180) "a\r\nset-cookie: evil=yes")
(func $spoil (param i32 i32)
    (i32.store offset=24 (i32.const 512) (i32.const 2048))
    (i32.store offset=28 (i32.const 512) (i32.const 1)))
