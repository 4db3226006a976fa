;; Attack 27: a score that is a NaN with bits of its own.
(module
  ;; include memory realloc setup verdict
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (drop (call $verdict))
    (i32.store (i32.const 0x138) (i32.const 0x7fa12345))
    (i32.const 0x100))
)
