;; Attack 35: finds four thousand things wrong, each told in the same 4 KiB.
(module
  ;; include memory realloc verdict
  (data (i32.const 0x10) "\40\00\00\00\02\00\00\00")
  (data (i32.const 0x40) "{}")
  (func (export "lanewright:plugin/setup@0.1.0#schema") (result i32) (i32.const 0x10))
  (func (export "lanewright:plugin/setup@0.1.0#check") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.const 0x10000))
    (loop $more
      (i32.store (local.get $at) (i32.const 0x400))
      (i32.store offset=4 (local.get $at) (i32.const 0x1000))
      (i64.store offset=8 (local.get $at) (i64.load (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $more (i32.lt_u (local.get $at) (i32.const 0x20000))))
    (i32.store (i32.const 0x20) (i32.const 0x10000))
    (i32.store (i32.const 0x24) (i32.const 4096))
    (i32.const 0x20))
  (func (export "lanewright:plugin/setup@0.1.0#prepare") (param i32 i32 i32 i32) (result i32) (i32.const 0x30))
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
