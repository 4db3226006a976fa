;; Attack 10: gives the text model the same 64 KiB two thousand times over.
(module
  (import "lanewright:plugin/text@0.1.0" "embed" (func $embed (param i32 i32 i32)))
  ;; include memory realloc setup verdict
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (local $at i32)
    (drop (memory.grow (i32.const 2)))
    (memory.fill (i32.const 0x10000) (i32.const 0x61) (i32.const 0x10000))
    (local.set $at (i32.const 0x20000))
    (loop $on
      (i32.store (local.get $at) (i32.const 0x10000))
      (i32.store offset=4 (local.get $at) (i32.const 0x10000))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $on (i32.lt_u (local.get $at) (i32.const 0x23e80))))
    (call $embed (i32.const 0x20000) (i32.const 2000) (i32.const 0x180))
    (call $verdict))
)
