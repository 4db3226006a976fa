;; Attack 9: is refused memory and copes with it, then answers eight mebibytes.
(module
  (memory $memory (export "memory") 200)
  ;; include realloc setup verdict
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (drop (memory.grow (i32.const 1000)))
    (drop (call $verdict))
    (i32.store (i32.const 0x12c) (i32.const 0x800000))
    (i32.const 0x100))
)
