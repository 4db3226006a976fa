//! A lead as bytes, for runtimes whose interface is bytes: the same facts as the record `lead` of `wit/`.

use serde::{Deserialize, Serialize};

use crate::Inquiry;

/// One inquiry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// The sender's own id.
    pub id: String,
    /// `demo-request`, `web-form`, ….
    pub source: String,
    /// Milliseconds since the Unix epoch, UTC.
    pub received_at: u64,
    /// What the person wrote.
    pub text: String,
    /// Who wrote.
    pub contact: Contact,
    /// Whom they write for.
    pub company: Company,
    /// Products they named.
    pub products: Vec<String>,
    /// Estimated yearly value.
    pub value: Option<f64>,
}

/// The person behind an inquiry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// As they write it.
    pub name: Option<String>,
    /// Lower case.
    pub email: Option<String>,
    /// Job title.
    pub title: Option<String>,
    /// BCP 47.
    pub language: Option<String>,
    /// IANA name.
    pub timezone: Option<String>,
}

/// The organisation behind an inquiry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Company {
    /// As they write it.
    pub name: Option<String>,
    /// Registrable domain.
    pub domain: Option<String>,
    /// Lower case.
    pub industry: Option<String>,
    /// Headcount.
    pub employees: Option<u32>,
    /// Yearly revenue.
    pub revenue: Option<f64>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// ISO 3166-2 subdivision.
    pub region: Option<String>,
}

impl Lead {
    /// What the classifier reads of it.
    pub fn inquiry(&self) -> Inquiry<'_> {
        Inquiry { text: &self.text, employees: self.company.employees, value: self.value }
    }

    /// The lead that every runtime is asked about.
    pub fn sample() -> Self {
        let some = |text: &str| Some(text.to_owned());
        Self {
            id: "web-20418".to_owned(),
            source: "web-form".to_owned(),
            received_at: 1_793_779_200_000,
            text: "Hello, we are about 1,400 people across Europe and are replacing our current tool this \
                   quarter. Procurement has set aside a budget of 90,000 EUR a year. Before we can sign, our \
                   security group needs SSO through SAML, a SOC 2 report and an answer on data residency. \
                   Could you send a quote for 400 seats and show us a demo before the deadline at the end of \
                   March? An integration with our warehouse would help, too."
                .to_owned(),
            contact: Contact {
                name: some("Inês Duarte"),
                email: some("ines.duarte@example.com"),
                title: some("Head of Revenue Operations"),
                language: some("pt-PT"),
                timezone: some("Europe/Lisbon"),
            },
            company: Company {
                name: some("Example Logistics"),
                domain: some("example.com"),
                industry: some("logistics"),
                employees: Some(1400),
                revenue: Some(210e6),
                country: some("PT"),
                region: some("PT-11"),
            },
            products: vec!["analytics".to_owned(), "alerts".to_owned()],
            value: Some(90_000.0),
        }
    }
}
