//! Attack 9: a reason of ten mebibytes.

lanewright_guests::classifier!(host, _lead => {
    Ok(lanewright_guests::verdict(host, "a".repeat(10 << 20)))
});
