;; Computes for ever after its answer, when it is told that the answer has been read.
;; frame: policy
(func (export "cabi_post_heliu:plugin/policy@0.1.0#evaluate") (param i32) (loop $l (br $l)))
