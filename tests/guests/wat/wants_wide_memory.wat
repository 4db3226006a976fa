;; Attack 5: a memory of 64-bit addresses.
(module
  (memory $memory (export "memory") 2)
  (memory $wide i64 1)
  ;; include realloc setup verdict
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
