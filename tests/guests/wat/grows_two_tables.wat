;; Attack 6: grows two tables in turn; neither is too large, both together are.
(module
  ;; include memory realloc setup
  (table $one 1 15000 funcref)
  (table $two 1 15000 funcref)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (if (i32.eq (table.grow $one (ref.null func) (i32.const 12000)) (i32.const -1)) (then (return (i32.const 3))))
    (if (i32.ne (table.grow $two (ref.null func) (i32.const 12000)) (i32.const -1)) (then (return (i32.const 3))))
    (unreachable))
)
