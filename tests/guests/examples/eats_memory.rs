//! Attack 5: allocates until it is refused, and gives up as Rust programs do.

lanewright_guests::classifier!(_host, _lead => {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(vec![1; 64 << 10]);
        std::hint::black_box(&hoard);
    }
});
