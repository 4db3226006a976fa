;; Attack 6: asks again and again for more than its own table and memory may hold, which costs nobody
;; anything; then grows within what it may have, and answers.
(module
  (memory $memory (export "memory") 2 8)
  ;; include realloc setup verdict
  (table $table 1 20 funcref)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 100))
    (loop $on
      (if (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable))
      (if (i32.ne (memory.grow (i32.const 100)) (i32.const -1)) (then unreachable))
      (br_if $on (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (if (i32.eq (table.grow $table (ref.null func) (i32.const 19)) (i32.const -1)) (then unreachable))
    (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
    (call $verdict))
)
