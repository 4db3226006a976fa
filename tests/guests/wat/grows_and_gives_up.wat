;; Attack 5: grows its memory until it is refused, then breaks off.
(module
  (memory $memory (export "memory") 2)
  ;; include realloc setup
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (loop $on (br_if $on (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (unreachable))
)
