//! Attack 12: lines that would steer a terminal or pass for two, one far too long, and too many of them.

use lanewright_sdk::Level;

lanewright_guests::classifier!(host, _lead => {
    host.log(Level::Error, "\u{1b}[2J\u{1b}[31mred");
    host.log(Level::Info, "one\nINFO two\r\u{9b}31m");
    host.log(Level::Warn, "\u{202e}txt.exe\u{2066}\u{200f}");
    host.log(Level::Debug, &"long ".repeat(1_000));
    for _ in 0..96 {
        host.log(Level::Info, ".");
    }
    Ok(lanewright_guests::verdict(host, "\u{1b}]0;title\u{7}".to_owned()))
});
