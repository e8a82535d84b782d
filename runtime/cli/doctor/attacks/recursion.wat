;; Calls itself without end.
(i32.add (call $attack) (i32.const 1))
