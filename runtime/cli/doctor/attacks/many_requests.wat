;; Asks to log 64 KiB again and again, whether it is written or not.
(loop $on
  (call $log (i32.const 3) (i32.const 0x1000) (i32.const 0x10000) (i32.const 0) (i32.const 0)
             (i32.const 0x400))
  (br $on))
unreachable
