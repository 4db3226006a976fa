//! Effects in words: for a chat, a mail, a phone (S2.17, S4.3, S4.4).

use jiff::Timestamp;
use serde_json::json;
use url::form_urlencoded::byte_serialize;

use super::{Destination, Told};
use crate::decision::{Effect, Notice, Outcome};
use crate::failure::clean;
use crate::store::OutboxRow;

/// Bytes of a sentence at most.
const SENTENCE: usize = 500;

/// What a chat is posted.
pub(super) fn slack(destination: &Destination, effect: &OutboxRow, told: &Told) -> String {
    // The three characters that such a chat reads as its own.
    let plain = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (first, rest) = lines(destination, effect, told);
    let text = std::iter::once(format!("*{}*", plain(&first)))
        .chain(rest.iter().map(|line| plain(line)))
        .collect::<Vec<_>>()
        .join("\n");
    json!({ "text": text }).to_string()
}

/// Subject and text of a mail.
pub(super) fn mail(destination: &Destination, effect: &OutboxRow, told: &Told) -> (String, String) {
    let (first, rest) = lines(destination, effect, told);
    let text = format!("{first}.\n\n{}\n", rest.join("\n"));
    (first, text)
}

/// What a gateway is asked to send to the contact.
pub(super) fn sms(destination: &Destination, effect: &OutboxRow, told: &Told) -> Result<String, String> {
    let Some(Effect::OfferTimes { phone, .. }) = &told.effect else {
        return Err(format!("nobody has a phone for `{}`", effect.kind));
    };
    let link = link(destination, effect, told).ok_or("there is no page to book a time on")?;
    let text = format!("Thank you for your inquiry. Choose a time for our call that suits you: {link}");
    Ok(json!({ "to": phone, "text": text }).to_string())
}

/// What it is about, and everything else, a line each.
fn lines(destination: &Destination, effect: &OutboxRow, told: &Told) -> (String, Vec<String>) {
    let decision = &told.decision;
    let mut rest = Vec::new();
    let lane = decision.lane.as_ref().map(|lane| format!("Lane {}, ", clean(lane.as_str(), 100)));
    let lane = lane.unwrap_or_default();
    let tier = u8::from(decision.tier);
    let facts = format!("{lane}tier {tier}, first touch by {}", time(decision.due));
    rest.push(capital(&facts));
    rest.push(format!("Why: {}", clean(&decision.why, SENTENCE)));
    rest.extend(decision.brief.iter().map(|line| format!("- {}", clean(line, SENTENCE))));
    rest.extend(link(destination, effect, told));
    (clean(&first(effect, told), 200), rest)
}

fn first(effect: &OutboxRow, told: &Told) -> String {
    let lead = &effect.lead;
    match &told.effect {
        Some(Effect::Notify { who, about }) => match about {
            Notice::Assigned => format!("{who}, you have a new lead: {lead}"),
            Notice::Urgent => format!("{who}, one of your people has a lead that cannot wait: {lead}"),
            Notice::Suggested => format!("{who}, a suggestion waits for you: {lead}"),
            Notice::Reminder => format!("{who}, a lead is to be touched soon: {lead}"),
            Notice::Missed => format!("{who}, a lead was not touched in time: {lead}"),
            Notice::Undecided => format!("{who}, nobody could be picked, and you decide: {lead}"),
            Notice::OverCapacity => {
                format!("{who}, one of your people has more than they may have, with {lead}")
            }
        },
        Some(Effect::SetOwner { rep }) => format!("{rep} owns {lead}"),
        Some(Effect::Task { rep, due }) => format!("{rep} touches {lead} by {}", time(*due)),
        Some(Effect::OfferTimes { rep, from, .. }) => {
            format!("the contact of {lead} may book a time with {rep}, from {}", time(*from))
        }
        Some(Effect::Enrol { track }) => format!("{lead} goes to the track {track}"),
        None => format!("{lead} was decided"),
    }
}

fn link(destination: &Destination, effect: &OutboxRow, told: &Told) -> Option<String> {
    let rep = match (&told.effect, &told.decision.outcome) {
        (Some(Effect::OfferTimes { rep, .. }), _) | (_, Outcome::Assigned { rep, .. }) => rep.as_str(),
        _ => "",
    };
    let link = destination.link.as_ref()?;
    Some(link.replace("{lead}", &in_url(&effect.lead)).replace("{rep}", &in_url(rep)))
}

/// An id as part of a URL.
pub(super) fn in_url(id: &str) -> String {
    byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}
