;; The driver that `abaca doctor --limits` hits one limit with: a driver of the contract that does
;; nothing but what a file in `attacks/` says, which is put where the frame has braces. `do-setup`
;; does it. `build.rs` makes a component of each.
;;
;; Memory: nothing but zeros up to 0x100, which is the answer "done"; the description; texts; the
;; answer "error"; what is allocated.
(module
  (import "abaca:host/clock@0.1.0" "now" (func $now (param $answer i32)))
  (import "abaca:host/clock@0.1.0" "sleep"
    (func $sleep (param $milliseconds i64) (param $answer i32)))
  (import "abaca:host/command@0.1.0" "run"
    (func $run (param $program i32) (param $length i32) (param $words i32) (param $count i32)
               (param $has_stdin i32) (param $stdin i32) (param $stdin_length i32)
               (param $has_timeout i32) (param $timeout i64) (param $retry i32) (param $answer i32)))
  (import "abaca:host/config@0.1.0" "get"
    (func $get (param $name i32) (param $length i32) (param $answer i32)))
  (import "abaca:host/log@0.1.0" "write"
    (func $log (param $level i32) (param $message i32) (param $length i32)
               (param $fields i32) (param $count i32) (param $answer i32)))
  (import "abaca:host/state@0.1.0" "apply"
    (func $apply (param $changes i32) (param $count i32)
                 (param $expects i32) (param $generation i64) (param $answer i32)))

  (memory (export "memory") 2)
  (table $table 1 funcref)
  {more}
  (global $free (mut i32) (i32.const 0x10000))

  ;; name, vendor, version, protocols (one), modes (one), options, withheld interfaces
  (data (i32.const 0x100) "\00\02\00\00\06\00\00\00" "\08\02\00\00\05\00\00\00"
                          "\10\02\00\00\05\00\00\00" "\00\00\00\00\01\00\00\00"
                          "\00\00\00\00\01\00\00\00" "\00\00\00\00\00\00\00\00"
                          "\00\00\00\00\00\00\00\00")
  (data (i32.const 0x200) "doctor\00\00" "Abaca\00\00\00" "1.0.0\00\00\00" "abcdefghijklmnop"
                          "sleep60\00" "seq\00" "100000\00\00" "1 KiB and no more")
  ;; "error", case `other`, its text
  (data (i32.const 0x300) "\01\00\00\00\19\00\00\00\00\00\00\00\00\00\00\00")

  ;; Answers a text as an error of the driver.
  (func $told (param $text i32) (param $length i32) (result i32)
    (i32.store (i32.const 0x308) (local.get $text))
    (i32.store (i32.const 0x30c) (local.get $length))
    (i32.const 0x300))

  ;; Does what is attacked with.
  (func $attack (result i32)
    {attack})

  (func (export "abaca:driver/backend@0.1.0#describe") (result i32) (i32.const 0x100))
  (func (export "abaca:driver/backend@0.1.0#do-setup") (result i32) (call $attack))
  (func (export "abaca:driver/backend@0.1.0#check-for-setup-error") (result i32) (i32.const 0))
  (func (export "abaca:driver/backend@0.1.0#get-share-stats") (result i32) unreachable)
  (func (export "abaca:driver/shares@0.1.0#create-share") (param i32) (result i32) unreachable)
  (func (export "abaca:driver/shares@0.1.0#delete-share") (param i32) (result i32) unreachable)
  (func (export "abaca:driver/shares@0.1.0#ensure-share") (param i32) (result i32) unreachable)
  (func (export "abaca:driver/access@0.1.0#update-access") (param i32) (result i32) unreachable)

  ;; Room for what the host answers; never given back, for a call is short.
  (func (export "cabi_realloc")
    (param $old i32) (param $before i32) (param $align i32) (param $size i32) (result i32)
    (local $place i32)
    (local.set $place
      (i32.and (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
               (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $place) (local.get $size)))
    (local.get $place)))
