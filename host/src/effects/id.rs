//! What an effect is known by outside: the same at every attempt, and nobody else's.

use crate::digest::Digest;
use crate::store::OutboxRow;

/// The id of an effect for one destination: what receivers tell a repetition by.
///
/// It holds where the effect stands, so that it can be found, and a digest that makes it unique over tenants
/// and destinations, also where commits have the same numbers again because a backup was restored.
pub fn effect_id(effect: &OutboxRow) -> String {
    let OutboxRow { tenant, head, place, destination, at, .. } = effect;
    let at = at.to_be_bytes();
    let digest = Digest::of_parts([tenant.as_bytes(), destination.as_bytes(), at.as_slice()]);
    format!("eff_{head}_{place}_{}", &digest.hex()[..24])
}

/// Commit and place that an id tells.
pub(super) fn place(id: &str) -> Option<(i64, i64)> {
    let (head, rest) = id.strip_prefix("eff_")?.split_once('_')?;
    let (place, _) = rest.split_once('_')?;
    Some((head.parse().ok()?, place.parse().ok()?))
}
