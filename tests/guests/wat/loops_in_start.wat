;; Attack 2: never gets as far as being there.
(module
  ;; include memory realloc setup verdict
  (func $start (loop $on (br $on)))
  (start $start)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
