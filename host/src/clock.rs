//! What time it is: the machine's clock, or one that a test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// Tells the time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's.
    #[default]
    System,
    /// Stands until it is moved.
    Stepped(Stepped),
}

/// A clock that stands until it is moved; its copies are the same clock.
#[derive(Debug, Clone)]
pub struct Stepped(Arc<AtomicI64>);

impl Clock {
    /// Now, to the millisecond, which is what the database keeps.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::from_millisecond(Timestamp::now().as_millisecond())
                .unwrap_or(Timestamp::UNIX_EPOCH),
            Self::Stepped(stepped) => stepped.now(),
        }
    }
}

impl Stepped {
    /// Stands at this time, to the millisecond.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_millisecond())))
    }

    /// Where it stands.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Moves it, also back, as a machine's clock may be.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millisecond(), Ordering::SeqCst);
    }
}
