;; Attack 36: breaks off over any lead whose id begins with a `p`, and classifies every other.
(module
  ;; include memory realloc setup verdict
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param $lead i32) (result i32)
    (if (i32.eq (i32.load8_u (i32.load (local.get $lead))) (i32.const 0x70)) (then unreachable))
    (call $verdict))
)
