  (memory $memory (export "memory") 2 256)
