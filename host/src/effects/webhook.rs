//! A CloudEvent 1.0, posted and signed after Standard Webhooks.

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

use super::{EffectKind, effect_id};
use crate::store::OutboxRow;

/// The event: the same bytes at every attempt.
pub(super) fn body(effect: &OutboxRow) -> String {
    let kind = match effect.kind.as_str() {
        kind if kind == EffectKind::Decision.as_str() => "com.lanewright.decision.made".to_owned(),
        kind => format!("com.lanewright.effect.{kind}"),
    };
    let time = Timestamp::from_millisecond(effect.at).unwrap_or(Timestamp::UNIX_EPOCH);
    let data: Json = serde_json::from_str(&effect.body).unwrap_or(Json::Null);
    json!({
        "specversion": "1.0",
        "id": effect_id(effect),
        "source": format!("/tenants/{}", super::words::in_url(&effect.tenant)),
        "type": kind,
        "time": time,
        "subject": effect.lead,
        "datacontenttype": "application/json",
        "data": data,
    })
    .to_string()
}

/// Headers of a request with this body. `secret` holds what it is signed with; several, with spaces between
/// them, while one follows the other. Without one it is not signed.
pub(super) fn headers(
    now: Timestamp,
    id: &str,
    secret: Option<&str>,
    body: &str,
) -> Result<Vec<(&'static str, String)>, String> {
    let second = now.as_second();
    let sign = |secret: &str| Webhook::new(secret)?.sign(id, second, body.as_bytes());
    let signatures = secret.into_iter().flat_map(str::split_whitespace).map(sign);
    let signatures: Result<Vec<String>, _> = signatures.collect();
    // What is wrong with a secret does not say what it is.
    let signatures = signatures.map_err(|_| "the secret of the destination signs nothing".to_owned())?;
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        (HEADER_WEBHOOK_ID, id.to_owned()),
        (HEADER_WEBHOOK_TIMESTAMP, second.to_string()),
    ];
    if !signatures.is_empty() {
        headers.push((HEADER_WEBHOOK_SIGNATURE, signatures.join(" ")));
    }
    Ok(headers)
}
