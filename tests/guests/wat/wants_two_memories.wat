;; Attack 7: two memories in one module.
(module
  ;; include memory realloc setup verdict
  (memory $other 1)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
