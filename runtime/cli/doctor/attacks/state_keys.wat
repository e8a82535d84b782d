;; Keeps 16 keys for one entity; answers what the host says.
(local $at i32) (local $change i32)
(loop $more
  ;; set: the entity, a key of one letter, no value
  (local.set $change (i32.add (i32.const 0x500) (i32.mul (local.get $at) (i32.const 28))))
  (i32.store offset=4 (local.get $change) (i32.const 0x200))
  (i32.store offset=8 (local.get $change) (i32.const 6))
  (i32.store offset=12 (local.get $change) (i32.add (i32.const 0x218) (local.get $at)))
  (i32.store offset=16 (local.get $change) (i32.const 1))
  (local.set $at (i32.add (local.get $at) (i32.const 1)))
  (br_if $more (i32.lt_u (local.get $at) (i32.const 16))))
(call $apply (i32.const 0x500) (i32.const 16) (i32.const 0) (i64.const 0) (i32.const 0x400))
(call $told (i32.load (i32.const 0x40c)) (i32.load (i32.const 0x410)))
