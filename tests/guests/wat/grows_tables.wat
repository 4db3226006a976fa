;; Attack 6: grows a table until it is refused, then breaks off.
(module
  ;; include memory realloc setup
  (table $table 1 funcref)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (loop $on
      (br_if $on (i32.ne (table.grow $table (ref.null func) (i32.const 500)) (i32.const -1))))
    (unreachable))
)
