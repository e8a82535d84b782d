;; Runs `sleep 1`, which the policy grants.
(i32.store8 (i32.const 0x600) (i32.const 0x31))
(i32.store (i32.const 0x500) (i32.const 0x600))
(i32.store (i32.const 0x504) (i32.const 1))
(call $run (i32.const 0x228) (i32.const 5) (i32.const 0x500) (i32.const 1)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0)
           (i32.const 0x400))
(i32.const 0)
