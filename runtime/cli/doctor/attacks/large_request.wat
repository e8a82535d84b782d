;; Asks to log a message of 2 MiB.
(drop (memory.grow (i32.const 32)))
(call $log (i32.const 2) (i32.const 0) (i32.const 0x200000) (i32.const 0) (i32.const 0)
           (i32.const 0x400))
(i32.const 0)
