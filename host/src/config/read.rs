//! Files into raw values that know their place.
