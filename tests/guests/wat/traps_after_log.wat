;; Attack 13: breaks off after the host has taken a line of it.
(module
  (import "lanewright:plugin/log@0.1.0" "write" (func $write (param i32 i32 i32)))
  ;; include memory realloc setup
  (data (i32.const 0x200) "so long")
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (call $write (i32.const 1) (i32.const 0x200) (i32.const 7))
    (unreachable))
)
