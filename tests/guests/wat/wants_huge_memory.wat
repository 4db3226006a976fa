;; Attack 5: asks for 100 mebibytes from the start.
(module
  (memory $memory (export "memory") 1600)
  ;; include realloc setup verdict
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
