//! Where chance comes from: a seed and an id give a number, so that what was drawn once is drawn again.
//!
//! A draw depends on its parts alone. The order in which candidates or accounts are listed never matters, and
//! one who comes or goes does not change the draws of the others. The numbers must not change between versions:
//! stored decisions are run again, and an account stays in its arm.

/// A number strictly between 0 and 1, from the parts, each with its length, in this order.
pub(crate) fn uniform(parts: &[&[u8]]) -> f64 {
    // 53 bits fill a float; the half keeps 0 out.
    ((bits(parts) >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
}

/// The first eight bytes, little-endian, of the BLAKE3 hash of the parts, each behind its length as
/// eight little-endian bytes; as the host's own draws are made.
pub(crate) fn bits(parts: &[&[u8]]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_the_same_for_ever() {
        // The host's test has the same number, for tenant acme's first decision about lead-1.
        assert_eq!(bits(&[b"acme", b"lead-1", &1u32.to_le_bytes()]), 7_491_310_311_038_192_142);
        assert_ne!(uniform(&[b"ab", b"c"]), uniform(&[b"a", b"bc"]));
    }
}
