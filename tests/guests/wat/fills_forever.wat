;; Attack 4: fills sixteen mebibytes in one instruction, again and again.
(module
  ;; include memory realloc setup verdict
  (table $table 20000 funcref)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (drop (memory.grow (i32.sub (i32.const 256) (memory.size))))
    (loop $on
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1000000))
      (br $on))
    (unreachable))
)
