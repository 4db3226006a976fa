;; Attack 27: an instruction whose result is each machine's own.
(module
  ;; include memory realloc setup verdict
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (drop (f32x4.relaxed_madd (v128.const f32x4 1 2 3 4) (v128.const f32x4 1 2 3 4) (v128.const f32x4 1 2 3 4)))
    (call $verdict))
)
