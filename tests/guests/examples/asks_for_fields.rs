//! Attack 11: asks for as many fields as it may, by names of 64 KiB each that no lead has.

lanewright_guests::classifier!(host, _lead => {
    let mut name = "n".repeat(64 << 10);
    for i in 0..250 {
        name.replace_range(0..3, &format!("{i:03}"));
        host.field(&name);
    }
    Ok(lanewright_guests::verdict(host, "asked".to_owned()))
});
