;; Attack 9: scores of ten million rows, and a memory that could hold them.
(module
  (memory $memory (export "memory") 700)
  ;; include realloc setup
  (data (i32.const 0x100) "\00\00\00\00" "\00\00\00\00" "\00\00\00\00" "\00\00\01\00" "\80\96\98\00")
  (func (export "lanewright:plugin/scorer@0.1.0#score") (param i32) (result i32) (i32.const 0x100))
)
