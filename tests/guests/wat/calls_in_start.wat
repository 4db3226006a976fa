;; Attack 11: calls the host more often than a lead's call may, before anybody asked anything.
(module
  (import "lanewright:plugin/text@0.1.0" "dimensions" (func $dimensions (result i32)))
  ;; include memory realloc setup verdict
  (func $start
    (local $left i32)
    (local.set $left (i32.const 300))
    (loop $on
      (drop (call $dimensions))
      (br_if $on (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
  (start $start)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
