;; Attack 13: breaks off while the host lowers the answer of a call into it.
(module
  (import "lanewright:plugin/settings@0.1.0" "json" (func $json (param i32)))
  ;; include memory setup verdict
  (global $next (mut i32) (i32.const 8192))
  (global $asking (mut i32) (i32.const 0))
  (func (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
    (if (global.get $asking) (then unreachable))
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -8)))
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (local.get $size))))
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (global.set $asking (i32.const 1))
    (call $json (i32.const 0x180))
    (call $verdict))
)
