;; Attack 14: answers, and loops when the host says that the answer was read.
(module
  ;; include memory realloc setup verdict
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
  (func (export "cabi_post_lanewright:plugin/classifier@0.1.0#classify") (param i32) (loop $on (br $on)))
)
