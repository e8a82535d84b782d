;; Does nothing.
(i32.const 0)
