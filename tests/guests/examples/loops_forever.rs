//! Attack 1: never answers.

lanewright_guests::classifier!(_host, lead => {
    let mut turns = 0_u64;
    while lead.received_at < u64::MAX {
        turns = std::hint::black_box(turns + 1);
    }
    unreachable!("{turns}")
});
