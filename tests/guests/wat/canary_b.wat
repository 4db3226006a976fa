;; Attack 22: the other of two that look for what the other left behind.
(module
  ;; include memory realloc setup verdict
  (global $mark i32 (i32.const 0x5a))
  ;; include canary
)
