;; Attack 6: five tables.
(module
  ;; include memory realloc setup verdict
  (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
