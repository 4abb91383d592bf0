;; Its schema of settings is itself, twice: whoever follows it recurses for ever, in the host.
;; frame: policy
(data (i32.const 2048) "{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}")
(func $describe (result i32)
    (i32.store offset=8 (i32.const 256) (i32.const 2048))
    (i32.store offset=12 (i32.const 256) (i32.const 37))
    (i32.const 256))
