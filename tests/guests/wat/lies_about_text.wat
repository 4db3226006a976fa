;; Attack 13: gives the host a message that is not UTF-8.
(module
  (import "lanewright:plugin/log@0.1.0" "write" (func $write (param i32 i32 i32)))
  ;; include memory realloc setup verdict
  (data (i32.const 0x200) "\ff\fe\c3\28")
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (call $write (i32.const 1) (i32.const 0x200) (i32.const 4))
    (call $verdict))
)
