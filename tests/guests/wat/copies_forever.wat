;; Attack 4: copies eight mebibytes in one instruction, again and again.
(module
  ;; include memory realloc setup verdict
  (table $table 20000 funcref)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (drop (memory.grow (i32.sub (i32.const 256) (memory.size))))
    (loop $on
      (memory.copy (i32.const 0) (i32.const 0x800000) (i32.const 0x800000))
      (br $on))
    (unreachable))
)
