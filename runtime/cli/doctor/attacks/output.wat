;; Runs `seq 100000`, which the policy grants with 1 KiB of output, and says so if it got just that
;; and was told that more had come.
(i32.store (i32.const 0x500) (i32.const 0x234))
(i32.store (i32.const 0x504) (i32.const 6))
(call $run (i32.const 0x230) (i32.const 3) (i32.const 0x500) (i32.const 1)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0)
           (i32.const 0x400))
(if (result i32)
  (i32.and (i32.eqz (i32.load8_u (i32.const 0x400)))
           (i32.and (i32.eq (i32.load (i32.const 0x410)) (i32.const 1024))
                    (i32.load8_u (i32.const 0x41c))))
  (then (call $told (i32.const 0x23c) (i32.const 17)))
  (else (i32.const 0)))
