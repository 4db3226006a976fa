//! Attack 5: asks for memory until it is refused, and goes on with what it has.

lanewright_guests::classifier!(host, _lead => {
    let mut pages = 0_u32;
    #[cfg(target_arch = "wasm32")]
    while core::arch::wasm32::memory_grow(0, 16) != usize::MAX {
        pages += 16;
    }
    pages += 0;
    Ok(lanewright_guests::verdict(host, format!("{pages} pages more, and then no more")))
});
