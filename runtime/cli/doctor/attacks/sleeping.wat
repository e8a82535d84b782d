;; Waits for a minute.
(call $sleep (i64.const 60000) (i32.const 0x400))
(i32.const 0)
