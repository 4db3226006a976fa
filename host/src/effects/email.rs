//! Mail by the operator's server.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::{DELIVERY, Destination, Met, Told, effect_id, words};
use crate::failure::clean;
use crate::store::OutboxRow;

/// Sends mail.
#[derive(Debug, Clone)]
pub struct Mailer {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why no mail can be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    /// It is no URL of a mail server.
    #[error("it names no mail server; write `smtps://USER:PASSWORD@HOST` or `smtp://HOST?tls=required`")]
    Server(#[source] smtp::Error),
    /// Nobody can send from there.
    #[error("`{0}` is no address to send from")]
    From(String),
}

impl Mailer {
    /// One for a server, such as `smtps://user:password@smtp.example.com`, and a sender, such as
    /// `Lanewright <leads@example.com>`. It keeps connections, so it is made where the program runs, and not
    /// before.
    ///
    /// # Errors
    ///
    /// [`MailerError`].
    pub fn new(server: &str, from: &str) -> Result<Self, MailerError> {
        let from = from.parse().map_err(|_| MailerError::From(from.to_owned()))?;
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(server).map_err(MailerError::Server)?;
        Ok(Self { server: server.timeout(Some(DELIVERY / 2)).build(), from })
    }

    pub(super) async fn send(
        &self,
        now: Timestamp,
        destination: &Destination,
        effect: &OutboxRow,
        told: &Told,
    ) -> Met {
        let (subject, text) = words::mail(destination, effect, told);
        let Ok(to) = destination.target.parse() else {
            return Met::Refused { why: "the destination is no address".to_owned() };
        };
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(SystemTime::from(now))
            // The same at every attempt: a mailbox shows it once.
            .message_id(Some(format!("<{}@{}>", effect_id(effect), self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(text);
        let message = match message {
            Ok(message) => message,
            Err(error) => return Met::Refused { why: format!("no mail: {error}") },
        };
        match self.server.send(message).await {
            Ok(_) => Met::Delivered,
            Err(error) if error.is_permanent() => Met::Refused { why: clean(&error.to_string(), 300) },
            Err(error) => Met::failed(clean(&error.to_string(), 300)),
        }
    }
}
