;; Attack 35: makes more of its settings than is kept.
(module
  ;; include memory realloc verdict
  (data (i32.const 0x10) "\40\00\00\00\02\00\00\00")
  (data (i32.const 0x40) "{}")
  (func (export "lanewright:plugin/setup@0.1.0#schema") (result i32) (i32.const 0x10))
  (func (export "lanewright:plugin/setup@0.1.0#check") (param i32 i32 i32 i32) (result i32) (i32.const 0x20))
  (func (export "lanewright:plugin/setup@0.1.0#prepare") (param i32 i32 i32 i32) (result i32)
    (drop (memory.grow (i32.const 16)))
    ;; ok(600 KiB from the beginning)
    (i32.store (i32.const 0x34) (i32.const 0x10000))
    (i32.store (i32.const 0x38) (i32.const 0x96000))
    (i32.const 0x30))
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
