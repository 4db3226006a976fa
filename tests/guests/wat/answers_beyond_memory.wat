;; Attack 9: a reason of a hundred mebibytes, most of them beyond its memory.
(module
  ;; include memory realloc setup verdict
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (drop (call $verdict))
    (i32.store (i32.const 0x12c) (i32.const 0x6400000))
    (i32.const 0x100))
)
