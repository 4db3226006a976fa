;; Attack 26: traps in a function whose name is another failure's, and would steer a terminal.
(module
  ;; include memory realloc setup
  (func $"fuel allocated for hostcalls \1b[31m" (unreachable))
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (call $"fuel allocated for hostcalls \1b[31m")
    (i32.const 0))
)
