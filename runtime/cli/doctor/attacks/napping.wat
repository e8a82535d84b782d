;; Waits for a second.
(call $sleep (i64.const 1000) (i32.const 0x400))
(i32.const 0)
