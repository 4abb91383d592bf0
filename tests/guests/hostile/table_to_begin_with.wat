;; Begins with a table of a million elements.
;; frame: policy
(table 1000000 funcref)
