;; Attack 6: asks for ten million elements from the start.
(module
  ;; include memory realloc setup verdict
  (table 10000000 funcref)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
