  ;; A verdict that counts where there is a lane `sales`; written when asked for, to 0x100.
  (data $verdict
    "\00\00\00\00" ;; ok
    "\01\00\00\00" "\40\01\00\00" "\05\00\00\00" ;; lane: some
    "\01\00\00\00" ;; confidence: medium
    "\30\01\00\00" "\01\00\00\00" ;; ranking: one
    "\00\00\48\42" ;; intent: 50
    "\00\00\00\00" "\00\00\00\00" ;; signals: none
    "\45\01\00\00" "\08\00\00\00" ;; reason
    "\40\01\00\00" "\05\00\00\00" "\00\00\40\3f" "\00\00\00\00" ;; the ranked lane, 0.75
    "sales" "so be it")
  (func $verdict (result i32)
    (memory.init $verdict (i32.const 0x100) (i32.const 0) (i32.const 77))
    (i32.const 0x100))
