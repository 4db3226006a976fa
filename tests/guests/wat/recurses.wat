;; Attack 8: calls itself without end; every frame has values to keep.
(module
  ;; include memory realloc setup
  (func $deeper (param i64 i64 i64 i64) (result i64)
    (i64.add
      (call $deeper
        (i64.add (local.get 0) (i64.const 1)) (local.get 2) (local.get 1) (local.get 3))
      (i64.mul (local.get 0) (i64.xor (local.get 1) (i64.add (local.get 2) (local.get 3))))))
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (i32.wrap_i64 (call $deeper (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))))
)
