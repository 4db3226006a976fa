;; Attack 8: calls the host from its deepest frame but a few.
(module
  (import "lanewright:plugin/text@0.1.0" "dimensions" (func $dimensions (result i32)))
  ;; include memory realloc setup
  (func $deeper (param i32) (result i32)
    (if (i32.gt_u (local.get 0) (i32.const 4000))
      (then
        (if (i32.eqz (i32.rem_u (local.get 0) (i32.const 50)))
          (then (drop (call $dimensions))))))
    (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (local.get 0)))
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (call $deeper (i32.const 0)))
)
