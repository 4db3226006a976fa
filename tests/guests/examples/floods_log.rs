//! Attack 11: calls the host a million times.

use lanewright_sdk::Level;

lanewright_guests::classifier!(host, _lead => {
    for _ in 0..1_000_000 {
        host.log(Level::Info, "x");
    }
    Ok(lanewright_guests::verdict(host, String::new()))
});
