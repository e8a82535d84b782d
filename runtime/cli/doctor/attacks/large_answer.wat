;; Answers with a text of 2 MiB.
(drop (memory.grow (i32.const 32)))
(call $told (i32.const 0) (i32.const 0x200000))
