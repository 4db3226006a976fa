;; Attack 9: scores of four million rows.
(module
  (memory $memory (export "memory") 255 256)
  ;; include realloc setup
  ;; ok(scores { factors: none, rows: from 0x10000 })
  (data (i32.const 0x100) "\00\00\00\00" "\00\00\00\00" "\00\00\00\00" "\00\00\01\00" "\00\00\3d\00")
  (func (export "lanewright:plugin/scorer@0.1.0#score") (param i32) (result i32) (i32.const 0x100))
)
