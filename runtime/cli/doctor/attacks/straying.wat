;; Asks without end for what is not granted: an option that it has not declared.
(loop $on (call $get (i32.const 0x200) (i32.const 6) (i32.const 0x400)) (br $on))
unreachable
