//! Attack 27: tells whatever might differ from one run to the next, to the bit.

use std::collections::HashMap;
use std::hint::black_box;

lanewright_guests::classifier!(host, lead => {
    let odd = [0x7fa1_2345_u32, 0xffc0_0001, 0x7f80_0001];
    let nans: Vec<String> = odd
        .iter()
        .map(|bits| format!("{:08x}", (black_box(f32::from_bits(*bits)) * black_box(1.5)).to_bits()))
        .collect();
    let zero = format!("{:08x}", (black_box(0.0_f32) / black_box(0.0_f32)).to_bits());
    let sum: f32 = host.embed(std::slice::from_ref(&lead.text)).iter().sum();
    // A hash map's order is drawn from a seed wherever there is one.
    let order: HashMap<u32, ()> = (0..32).map(|n| (n, ())).collect();
    let order: Vec<u32> = order.into_keys().collect();
    let local = 0_u8;
    let address = std::ptr::from_ref(black_box(&local)) as usize;
    let mut pages = 0_u32;
    #[cfg(target_arch = "wasm32")]
    while core::arch::wasm32::memory_grow(0, 1) != usize::MAX {
        pages += 1;
    }
    pages += 0;
    let sum = sum.to_bits();
    let reason = format!("{nans:?} {zero} {sum:08x} {order:?} {address:x} {pages}");
    Ok(lanewright_guests::verdict(host, reason))
});
