;; Attack 2: starts within the budget of `setup`, and far beyond a call's.
(module
  ;; include memory realloc setup verdict
  (func $start
    (local $left i32)
    (local.set $left (i32.const 20000000))
    (loop $on
      (br_if $on (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
  (start $start)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
