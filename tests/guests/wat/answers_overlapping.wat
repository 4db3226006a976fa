;; Attack 10: two thousand actions, each the same 64 KiB of its memory.
(module
  ;; include memory realloc setup
  ;; ok(actions from 0x1000)
  (data (i32.const 0x100) "\00\00\00\00" "\00\20\00\00" "\d0\07\00\00")
  (func (export "lanewright:plugin/fallback@0.1.0#resolve") (param i32) (result i32)
    (local $at i32)
    (drop (memory.grow (i32.const 2)))
    (memory.fill (i32.const 0x10000) (i32.const 0x61) (i32.const 0x10000))
    (local.set $at (i32.const 0x2000))
    (loop $on
      (i32.store (local.get $at) (i32.const 2)) ;; hold
      (i32.store offset=4 (local.get $at) (i32.const 0x10000))
      (i32.store offset=8 (local.get $at) (i32.const 0x10000))
      (local.set $at (i32.add (local.get $at) (i32.const 12)))
      (br_if $on (i32.lt_u (local.get $at) (i32.const 0x7dc0))))
    (i32.const 0x100))
)
