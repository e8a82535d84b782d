;; Keeps one value of 8 KiB; answers what the host says.
(i32.store (i32.const 0x504) (i32.const 0x200))
(i32.store (i32.const 0x508) (i32.const 6))
(i32.store (i32.const 0x50c) (i32.const 0x218))
(i32.store (i32.const 0x510) (i32.const 1))
(i32.store (i32.const 0x514) (i32.const 0x1000))
(i32.store (i32.const 0x518) (i32.const 0x2000))
(call $apply (i32.const 0x500) (i32.const 1) (i32.const 0) (i64.const 0) (i32.const 0x400))
(call $told (i32.load (i32.const 0x40c)) (i32.load (i32.const 0x410)))
