//! The words of metrics and logs. Each set is closed and small, so that a metric has few series.

use std::fmt::{self, Write};
use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

use crate::failure::{Failure, Limit};

macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$about])* $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
                encoder.write_str(self.as_str())
            }
        }
    };
}

label!(/// A request's method.
    Method {
        /// Reads.
        Get = "GET",
        /// Asks for headers alone.
        Head = "HEAD",
        /// Makes or does.
        Post = "POST",
        /// Replaces.
        Put = "PUT",
        /// Changes.
        Patch = "PATCH",
        /// Takes away.
        Delete = "DELETE",
        /// Any other, whatever a caller made up.
        Other = "other",
    }
);

label!(/// How a request ended, by the first digit of its status.
    StatusClass {
        /// Not done yet.
        Informed = "1xx",
        /// Done.
        Done = "2xx",
        /// To be asked elsewhere, or not changed.
        Redirected = "3xx",
        /// The caller is wrong.
        Refused = "4xx",
        /// The service is wrong.
        Failed = "5xx",
    }
);

label!(/// What became of a lead.
    Outcome {
        /// A rep has it.
        Assigned = "assigned",
        /// It waits in a queue.
        Held = "held",
        /// A manager has it.
        Manager = "manager",
        /// An automated track has it.
        Track = "track",
        /// People decide.
        Triage = "triage",
    }
);

label!(/// Whether a decision holds at once.
    Mode {
        /// It does.
        Auto = "auto",
        /// It waits for a person.
        Suggest = "suggest",
    }
);

label!(/// Why a plugin gave no answer that counts: the limit it reached, or else what happened.
    PluginFault {
        /// Fuel of a call.
        Fuel = "fuel",
        /// Time of a call.
        WallTime = "wall-time",
        /// Memory.
        Memory = "memory",
        /// Tables.
        Table = "table",
        /// Stack.
        Stack = "stack",
        /// Bytes across the boundary.
        Crossing = "crossing",
        /// Bytes of one text.
        Text = "text",
        /// Signals of a verdict.
        Signals = "signals",
        /// Factors of a scorer.
        Factors = "factors",
        /// Requests of an enricher.
        Requests = "requests",
        /// Calls into the host.
        HostCalls = "host-calls",
        /// Bytes that `prepare` made.
        Prepared = "prepared",
        /// Its code broke off.
        Trap = "trap",
        /// It answered something that cannot be.
        Answer = "answer",
        /// Its settings do not fit it.
        Settings = "settings",
        /// It says that it failed.
        Internal = "internal",
        /// It is not asked for now.
        Broken = "broken",
        /// It is not asked about this lead any more.
        Quarantined = "quarantined",
        /// The host had no room.
        Capacity = "capacity",
        /// The host failed.
        Host = "host",
    }
);

label!(/// How a commit ended.
    Committed {
        /// It is durable.
        Done = "done",
        /// Another host was first; it is decided again.
        Stale = "stale",
        /// The store did not take it.
        Failed = "failed",
    }
);

label!(/// Where work stands in line.
    Queue {
        /// Leads that wait to be decided.
        Leads = "leads",
        /// Commits that wait for the writer.
        Commits = "commits",
        /// Effects that are to be delivered.
        Effects = "effects",
        /// Batches that are to be decided.
        Batches = "batches",
    }
);

label!(/// What an effect asks for.
    EffectKind {
        /// A new owner.
        SetOwner = "set-owner",
        /// A task.
        Task = "task",
        /// A message to somebody.
        Notify = "notify",
        /// Times to book.
        OfferTimes = "offer-times",
        /// An automated track.
        Enrol = "enrol",
    }
);

label!(/// How an effect is delivered.
    Via {
        /// By a signed request.
        Webhook = "webhook",
        /// By a request as Slack takes it.
        Slack = "slack",
        /// By e-mail.
        Email = "email",
    }
);

label!(/// What became of an attempt to deliver.
    Delivery {
        /// It arrived.
        Delivered = "delivered",
        /// It will be tried again.
        Retried = "retried",
        /// It will not.
        GivenUp = "given-up",
    }
);

label!(/// What became due.
    Timer {
        /// Something about a lead: a deadline, the end of a wait.
        Lead = "lead",
        /// A configuration that was to be published then.
        Publication = "publication",
        /// A batch.
        Batch = "batch",
        /// What is over and was kept long enough.
        Retention = "retention",
    }
);

label!(/// Which limit refused a request.
    Refusal {
        /// Requests a second.
        Rate = "rate",
        /// Requests at a time.
        Concurrency = "concurrency",
        /// Leads in line.
        WaitingLeads = "waiting-leads",
        /// Bytes.
        Body = "body",
        /// Time.
        Timeout = "timeout",
        /// The service is ending.
        Draining = "draining",
    }
);

label!(/// What is wrong with something outside: the database, a destination. Its own words stay out of logs,
    /// since they may repeat what it was sent.
    Fault {
        /// Nobody answered.
        Unreachable = "unreachable",
        /// No answer in time.
        Timeout = "timeout",
        /// It has no room.
        Full = "full",
        /// It is at work on something else.
        Busy = "busy",
        /// It said no.
        Refused = "refused",
        /// It is no place that may be reached.
        Forbidden = "forbidden",
        /// Anything else.
        Other = "other",
    }
);

/// A route's template, such as `/v1/leads/{lead}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route(Arc<str>);

impl Route {
    /// The template as the router has it; never a path that somebody asked for.
    pub fn template(template: &str) -> Self {
        Self(template.into())
    }

    /// Of a request that no route took.
    pub fn none() -> Self {
        Self("none".into())
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(&self.0)
    }
}

impl Method {
    /// The method of this name.
    pub fn named(name: &str) -> Self {
        Self::ALL.iter().copied().find(|method| method.as_str() == name).unwrap_or(Self::Other)
    }
}

impl StatusClass {
    /// The class of a status.
    pub fn of(status: u16) -> Self {
        match status / 100 {
            1 => Self::Informed,
            2 => Self::Done,
            3 => Self::Redirected,
            4 => Self::Refused,
            _ => Self::Failed,
        }
    }
}

impl From<&Failure> for PluginFault {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Limit { limit, .. } => match limit {
                Limit::Fuel => Self::Fuel,
                Limit::WallTime => Self::WallTime,
                Limit::Memory => Self::Memory,
                Limit::Table => Self::Table,
                Limit::Stack => Self::Stack,
                Limit::Crossing => Self::Crossing,
                Limit::Text => Self::Text,
                Limit::Signals => Self::Signals,
                Limit::Factors => Self::Factors,
                Limit::Requests => Self::Requests,
                Limit::HostCalls => Self::HostCalls,
                Limit::Prepared => Self::Prepared,
            },
            Failure::Trap { .. } => Self::Trap,
            Failure::Answer { .. } => Self::Answer,
            Failure::Settings { .. } => Self::Settings,
            Failure::Internal { .. } => Self::Internal,
            Failure::Broken { .. } => Self::Broken,
            Failure::Quarantined { .. } => Self::Quarantined,
            Failure::Capacity { .. } => Self::Capacity,
            Failure::Host { .. } => Self::Host,
        }
    }
}
