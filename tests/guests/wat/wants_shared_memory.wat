;; Attack 27: a memory that threads could share.
(module
  ;; include memory realloc setup verdict
  (memory $shared 1 1 shared)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
