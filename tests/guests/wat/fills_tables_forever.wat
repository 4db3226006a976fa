;; Attack 4: fills a table of 20,000 in one instruction, again and again.
(module
  ;; include memory realloc setup verdict
  (table $table 20000 funcref)
  (func (export "lanewright:plugin/classifier@0.1.0#classify") (param i32) (result i32)
    (drop (memory.grow (i32.sub (i32.const 256) (memory.size))))
    (loop $on
      (table.fill $table (i32.const 0) (ref.null func) (i32.const 20000))
      (br $on))
    (unreachable))
)
