;; Attack 14: its allocator calls the host while the host is calling it.
(module
  (import "lanewright:plugin/text@0.1.0" "dimensions" (func $dimensions (result i32)))
  ;; include memory setup verdict
  (global $next (mut i32) (i32.const 8192))
  (func (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
    ;; A lead is aligned to 8 bytes; settings and lanes are not, so `setup` is let through.
    (if (i32.eq (local.get $align) (i32.const 8)) (then
      (drop (call $dimensions))))
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -8)))
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (local.get $size))))
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32) (call $verdict))
)
