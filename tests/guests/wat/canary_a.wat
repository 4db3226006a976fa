;; Attack 22: one of two that look for what the other left behind.
(module
  ;; include memory realloc setup verdict
  (global $mark i32 (i32.const 0xa5))
  ;; include canary
)
