//! The values of the plugin interface, as this crate uses them.

/// An inquiry: what the classifier reads of a lead.
#[derive(Clone, Debug, Default)]
pub struct Lead {
    /// Where it came from: `demo-request`, `web-form`, …
    pub source: String,
    /// What the person wrote.
    pub text: String,
    /// Who wrote it.
    pub contact: Contact,
    /// Their company.
    pub company: Company,
}

/// Who wrote an inquiry.
#[derive(Clone, Debug, Default)]
pub struct Contact {
    /// E-mail address.
    pub email: Option<String>,
    /// Job title as typed.
    pub title: Option<String>,
}

/// The sender's company.
#[derive(Clone, Debug, Default)]
pub struct Company {
    /// Its name.
    pub name: Option<String>,
    /// Registrable domain.
    pub domain: Option<String>,
    /// Its industry, in free words.
    pub industry: Option<String>,
    /// Head count.
    pub employees: Option<u32>,
}
