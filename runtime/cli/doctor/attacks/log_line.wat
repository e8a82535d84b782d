;; Logs one line of 64 KiB.
(call $log (i32.const 2) (i32.const 0x1000) (i32.const 0x10000) (i32.const 0) (i32.const 0)
           (i32.const 0x400))
(i32.const 0)
