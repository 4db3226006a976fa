;; Attack 5: is refused memory and copes with it; what ends it later is another matter.
(module
  (memory $memory (export "memory") 2)
  ;; include realloc setup
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (drop (memory.grow (i32.const 1000)))
    (i32.div_u (i32.const 1) (i32.const 0)))
)
