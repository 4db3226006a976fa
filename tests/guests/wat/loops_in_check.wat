;; Attack 35: never says whether its settings fit.
(module
  ;; include memory realloc verdict
  (data (i32.const 0x10) "\40\00\00\00\02\00\00\00")
  (data (i32.const 0x40) "{}")
  (func (export "lanewright:plugin/setup@0.1.0#schema") (result i32) (i32.const 0x10))
  (func (export "lanewright:plugin/setup@0.1.0#check") (param i32 i32 i32 i32) (result i32)
    (loop $on (br $on)) (unreachable))
  (func (export "lanewright:plugin/setup@0.1.0#prepare") (param i32 i32 i32 i32) (result i32) (i32.const 0x30))
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
