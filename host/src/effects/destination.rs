//! Where effects go, and which of them.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use email_address::EmailAddress;
use serde::{Deserialize, Serialize};

use crate::decision::Effect;
use crate::fetch::{Reach, TargetError, target};
use crate::lead::TenantId;
use crate::store::{DestinationRow, NewDestination};

/// How a destination is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A signed request after Standard Webhooks, which holds a CloudEvent.
    Webhook,
    /// An incoming webhook of Slack, or of a chat that takes the same.
    Slack,
    /// An address.
    Email,
    /// A gateway that takes `{"to", "text"}` and sends it to a phone (S4.3).
    Sms,
}

/// What an effect is, as destinations choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectKind {
    /// A rep owns the record.
    SetOwner,
    /// A task with a time.
    Task,
    /// Somebody is told.
    Notify,
    /// A contact may choose a time.
    OfferTimes,
    /// A track has the lead.
    Enrol,
    /// The decision itself, which is no effect: that there is one.
    Decision,
}

impl Kind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    /// What it gets where nobody chose: a program everything, people what is meant for people.
    fn is_for(self, effect: EffectKind) -> bool {
        match self {
            Self::Webhook => true,
            Self::Slack | Self::Email => effect == EffectKind::Notify,
            Self::Sms => effect == EffectKind::OfferTimes,
        }
    }
}

impl FromStr for Kind {
    type Err = DestinationError;
    fn from_str(text: &str) -> Result<Self, DestinationError> {
        [Self::Webhook, Self::Slack, Self::Email, Self::Sms]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| DestinationError::Kind(text.to_owned()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl EffectKind {
    /// Of this effect.
    pub fn of(effect: &Effect) -> Self {
        match effect {
            Effect::SetOwner { .. } => Self::SetOwner,
            Effect::Task { .. } => Self::Task,
            Effect::Notify { .. } => Self::Notify,
            Effect::OfferTimes { .. } => Self::OfferTimes,
            Effect::Enrol { .. } => Self::Enrol,
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SetOwner => "set-owner",
            Self::Task => "task",
            Self::Notify => "notify",
            Self::OfferTimes => "offer-times",
            Self::Enrol => "enrol",
            Self::Decision => "decision",
        }
    }
}

/// Where effects go.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub id: String,
    /// How it is reached.
    pub kind: Kind,
    /// URL, or address.
    pub target: String,
    /// What texts point at; `{lead}` and `{rep}` stand for their ids.
    pub link: Option<String>,
    /// Which effects it gets; empty: those that its kind is for.
    pub effects: Vec<EffectKind>,
    /// Sealed; what requests are signed with.
    pub secret: Option<Vec<u8>>,
    /// Whether it gets any.
    pub on: bool,
}

impl Destination {
    /// Whether it gets effects of this kind.
    pub fn gets(&self, effect: EffectKind) -> bool {
        let chosen =
            if self.effects.is_empty() { self.kind.is_for(effect) } else { self.effects.contains(&effect) };
        self.on && chosen
    }
}

impl TryFrom<&DestinationRow> for Destination {
    type Error = DestinationError;
    fn try_from(row: &DestinationRow) -> Result<Self, DestinationError> {
        let unreadable = |what| DestinationError::Unreadable { destination: row.destination.clone(), what };
        Ok(Self {
            tenant: row.tenant.parse().map_err(|_| unreadable("tenant"))?,
            id: row.destination.clone(),
            kind: row.kind.parse()?,
            target: row.target.clone(),
            link: row.link.clone(),
            effects: serde_json::from_str(&row.effects).map_err(|_| unreadable("list of effects"))?,
            secret: row.secret.clone(),
            on: row.off_at.is_none(),
        })
    }
}

/// What is wrong with a destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// No id, one that is too long, or one with unusual characters.
    #[error("`{0}` is no id; write up to 64 of `a` to `z`, `0` to `9`, `-`, `_` and `.`")]
    Id(String),
    /// There is no such kind.
    #[error("`{0}` is no kind of destination; write `webhook`, `slack`, `email` or `sms`")]
    Kind(String),
    /// Nothing may be sent to its URL.
    #[error("nothing can be sent to its URL: {0}")]
    Target(#[from] TargetError),
    /// It is no e-mail address.
    #[error("`{0}` is no e-mail address")]
    Address(String),
    /// A text to a contact without a page to book a time on would be of no use.
    #[error("a destination for `sms` needs `link`, the page to book a time on")]
    NoLink,
    /// Its link is none.
    #[error("`{0}` is no link; write a URL that begins with `https://`")]
    Link(String),
    /// There is nobody to send such a text to.
    #[error("a destination for `sms` gets `offer-times` alone, and not `{}`", .0.as_str())]
    NoPhone(EffectKind),
    /// What the database holds of it makes no sense.
    #[error("the {what} of the destination {destination} cannot be read")]
    Unreadable {
        /// Which.
        destination: String,
        /// What of it.
        what: &'static str,
    },
}

/// What a person says of a destination, checked: what is kept, or everything that is wrong.
///
/// # Errors
///
/// All of it, one [`DestinationError`] each.
pub fn checked(new: &Destination, reach: Reach) -> Result<NewDestination, Vec<DestinationError>> {
    let mut wrong = Vec::new();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if new.id.is_empty() || new.id.len() > 64 || !new.id.chars().all(plain) {
        wrong.push(DestinationError::Id(new.id.clone()));
    }
    match new.kind {
        Kind::Email if !EmailAddress::is_valid(&new.target) => {
            wrong.push(DestinationError::Address(new.target.clone()));
        }
        Kind::Email => {}
        Kind::Webhook | Kind::Slack | Kind::Sms => {
            wrong.extend(target(&new.target, reach).err().map(DestinationError::Target));
        }
    }
    if new.kind == Kind::Sms {
        let others = new.effects.iter().filter(|effect| **effect != EffectKind::OfferTimes);
        wrong.extend(others.map(|effect| DestinationError::NoPhone(*effect)));
        if new.link.is_none() {
            wrong.push(DestinationError::NoLink);
        }
    }
    if let Some(link) = new.link.as_ref().filter(|link| target(link, Reach::Public).is_err()) {
        wrong.push(DestinationError::Link(link.clone()));
    }
    let effects: Vec<&str> = new.effects.iter().map(|effect| effect.as_str()).collect();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    Ok(NewDestination {
        destination: new.id.clone(),
        kind: new.kind.to_string(),
        target: new.target.clone(),
        link: new.link.clone(),
        effects: serde_json::Value::from(effects).to_string(),
        secret: new.secret.clone(),
    })
}

/// A secret as Standard Webhooks write it, of 32 bytes that nobody can guess. It is shown once, and sealed.
pub fn fresh_secret(random: [u8; 32]) -> String {
    format!("whsec_{}", STANDARD.encode(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_says_is_checked() {
        let new = |kind: Kind, target: &str, link: Option<&str>, effects: &[EffectKind]| Destination {
            tenant: "acme".parse().unwrap(),
            id: "crm".to_owned(),
            kind,
            target: target.to_owned(),
            link: link.map(str::to_owned),
            effects: effects.to_vec(),
            secret: None,
            on: true,
        };
        let check = |new: Destination, expect: &[&str]| {
            let found = checked(&new, Reach::Public).err().unwrap_or_default();
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expect);
        };
        let url = "https://example.com/in";
        check(new(Kind::Webhook, url, None, &[EffectKind::Task]), &[]);
        check(new(Kind::Email, "sales@example.com", None, &[]), &[]);
        check(new(Kind::Email, "sales", None, &[]), &["`sales` is no e-mail address"]);
        check(new(Kind::Sms, url, Some("https://book.example.com/{rep}?lead={lead}"), &[]), &[]);
        let bad = Destination {
            id: "Ä".to_owned(),
            ..new(Kind::Sms, "https://10.0.0.1", None, &[EffectKind::Notify, EffectKind::OfferTimes])
        };
        check(
            bad,
            &[
                "`Ä` is no id; write up to 64 of `a` to `z`, `0` to `9`, `-`, `_` and `.`",
                "nothing can be sent to its URL: 10.0.0.1 is a private or local address",
                "a destination for `sms` gets `offer-times` alone, and not `notify`",
                "a destination for `sms` needs `link`, the page to book a time on",
            ],
        );
        check(
            new(Kind::Slack, url, Some("book"), &[]),
            &["`book` is no link; write a URL that begins with `https://`"],
        );
    }
}
