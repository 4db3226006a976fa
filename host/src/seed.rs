//! Where chance comes from: ties are drawn from a seed, so that the same decision is made again.
//!
//! A draw depends on the seed and the rep's id alone. The order of the roster never matters, and a rep
//! who joins or leaves does not change the draws of the others.

use crate::lead::{LeadId, RepId, TenantId};

/// What a decision's ties are drawn from; `number` is 1 for the lead's first decision.
pub fn seed(tenant: &TenantId, lead: &LeadId, number: u32) -> u64 {
    hash(&[tenant.as_str().as_bytes(), lead.as_str().as_bytes(), &number.to_le_bytes()])
}

/// A rep's place in the seeded order; the smallest is first.
pub fn draw(seed: u64, rep: &RepId) -> u64 {
    hash(&[&seed.to_le_bytes(), rep.as_str().as_bytes()])
}

/// The first eight bytes, little-endian, of the BLAKE3 hash of the parts, each behind its length as
/// eight little-endian bytes.
fn hash(parts: &[&[u8]]) -> u64 {
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
    use crate::pipeline::fixture::id;

    #[test]
    fn draws_are_the_same_for_ever() {
        // Stored decisions are run again by later versions, so these numbers must not change.
        let seed = seed(&id("acme"), &id("lead-1"), 1);
        assert_eq!((seed, draw(seed, &id("ana"))), (7_491_310_311_038_192_142, 1_433_772_633_739_000_299));
    }

    #[test]
    fn every_part_matters() {
        let first = seed(&id("acme"), &id("lead-1"), 1);
        let others = [
            seed(&id("acme"), &id("lead-1"), 2),
            seed(&id("acme"), &id("lead-2"), 1),
            seed(&id("acmel"), &id("ead-1"), 1),
        ];
        assert!(others.iter().all(|other| *other != first));
        assert_ne!(draw(first, &id("ana")), draw(others[0], &id("ana")));
        assert_ne!(draw(first, &id("ana")), draw(first, &id("ben")));
    }
}
