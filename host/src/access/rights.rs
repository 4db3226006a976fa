//! Roles, and what each may do: one table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::lead::TenantId;

/// What somebody is to a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A form or another program that sends leads, and reads nothing.
    Ingest,
    /// A seller, who handles their own leads.
    Rep,
    /// Writes plugins, and sees what they would change, but not whom it is about.
    Author,
    /// Answers for what reps get, and drafts changes.
    Manager,
    /// May do everything of the tenant.
    Admin,
    /// Runs the service: acts on tenants, and reads nothing of theirs. Stands outside of every tenant.
    Operator,
}

/// What can be done; each route asks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Send leads, batches, outcomes and activities, and follow the batches.
    SendLeads,
    /// Accept, decline or touch leads that one has, and read those.
    HandleOwn,
    /// See when reps are free, book meetings and call them off; a rep only for leads that are or were theirs.
    Book,
    /// Read decisions, assignments and queues, without what they tell of people.
    ReadDecisions,
    /// Read people's data: whole leads, traces, replays.
    ReadTraces,
    /// Reassign, lock, approve, reject, override; absences and credits.
    Manage,
    /// Fetch effects, see the dead ones, send them again.
    HandleEffects,
    /// Route a lead without writing, simulate.
    Try,
    /// Read configurations and what was checked in them.
    ReadConfiguration,
    /// Draft configurations.
    WriteConfiguration,
    /// Approve, publish, roll back.
    ApproveConfiguration,
    /// Plugins and their backtests.
    Author,
    /// Keys, providers, secrets, destinations.
    ManageAccess,
    /// Read who did what.
    ReadAudit,
    /// Read what the tenant used.
    ReadUsage,
    /// Erase a person.
    Erase,
    /// Make, list and erase tenants, read what each used, and make operators' keys.
    Operate,
}

/// Who may do what. What is not here, nobody of that role may do.
const TABLE: [(Role, &[Right]); 6] = {
    use Right::*;
    [
        (Role::Ingest, &[SendLeads, Book]),
        (Role::Rep, &[HandleOwn, Book]),
        (Role::Author, &[ReadDecisions, Try, ReadConfiguration, Author]),
        (
            Role::Manager,
            &[
                SendLeads,
                HandleOwn,
                Book,
                ReadDecisions,
                ReadTraces,
                Manage,
                HandleEffects,
                Try,
                ReadConfiguration,
                WriteConfiguration,
                ReadAudit,
            ],
        ),
        (
            Role::Admin,
            &[
                SendLeads,
                HandleOwn,
                Book,
                ReadDecisions,
                ReadTraces,
                Manage,
                HandleEffects,
                Try,
                ReadConfiguration,
                WriteConfiguration,
                ApproveConfiguration,
                Author,
                ManageAccess,
                ReadAudit,
                ReadUsage,
                Erase,
            ],
        ),
        (Role::Operator, &[Operate]),
    ]
};

impl Role {
    /// All of them, in the order in which a person with several is given the last.
    pub const ALL: [Self; 6] =
        [Self::Ingest, Self::Rep, Self::Author, Self::Manager, Self::Admin, Self::Operator];

    /// What it may do.
    pub fn rights(self) -> &'static [Right] {
        TABLE.iter().find(|(role, _)| *role == self).map_or(&[], |(_, rights)| rights)
    }

    /// Whether it may do this.
    pub fn may(self, right: Right) -> bool {
        self.rights().contains(&right)
    }

    /// Whether there can be somebody of this role here: operators stand outside of every tenant, and nobody else
    /// does.
    pub fn fits(self, tenant: &TenantId) -> bool {
        (self == Self::Operator) == tenant.is_operators()
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Rep => "rep",
            Self::Author => "author",
            Self::Manager => "manager",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::SendLeads,
        Self::HandleOwn,
        Self::Book,
        Self::ReadDecisions,
        Self::ReadTraces,
        Self::Manage,
        Self::HandleEffects,
        Self::Try,
        Self::ReadConfiguration,
        Self::WriteConfiguration,
        Self::ApproveConfiguration,
        Self::Author,
        Self::ManageAccess,
        Self::ReadAudit,
        Self::ReadUsage,
        Self::Erase,
        Self::Operate,
    ];
}

/// A text that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role; there are ingest, rep, author, manager, admin and operator")]
pub struct NoSuchRole(String);

impl FromStr for Role {
    type Err = NoSuchRole;
    fn from_str(text: &str) -> Result<Self, NoSuchRole> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| NoSuchRole(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_do_what() {
        let mut table = format!("{:21}", "");
        Role::ALL.iter().for_each(|role| table += &format!("{role:9}", role = role.as_str()));
        for right in Right::ALL {
            table += &format!("\n{:21}", format!("{right:?}"));
            for role in Role::ALL {
                table += if role.may(right) { "x        " } else { "-        " };
            }
        }
        let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
        expect_test::expect![[r#"
                                 ingest   rep      author   manager  admin    operator
            SendLeads            x        -        -        x        x        -
            HandleOwn            -        x        -        x        x        -
            Book                 x        x        -        x        x        -
            ReadDecisions        -        -        x        x        x        -
            ReadTraces           -        -        -        x        x        -
            Manage               -        -        -        x        x        -
            HandleEffects        -        -        -        x        x        -
            Try                  -        -        x        x        x        -
            ReadConfiguration    -        -        x        x        x        -
            WriteConfiguration   -        -        -        x        x        -
            ApproveConfiguration -        -        -        -        x        -
            Author               -        -        x        -        x        -
            ManageAccess         -        -        -        -        x        -
            ReadAudit            -        -        -        x        x        -
            ReadUsage            -        -        -        -        x        -
            Erase                -        -        -        -        x        -
            Operate              -        -        -        -        -        x"#]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn every_role_has_its_row_and_its_word() {
        for role in Role::ALL {
            assert!(!role.rights().is_empty(), "{role}");
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).expect("is text"), role.as_str());
        }
        for text in ["", "Admin", "root"] {
            assert_eq!(text.parse::<Role>(), Err(NoSuchRole(text.to_owned())));
        }
    }

    #[test]
    fn operators_stand_outside_of_every_tenant() {
        let tenant: TenantId = "acme".parse().expect("an id");
        for role in Role::ALL {
            assert_eq!(role.fits(&tenant), role != Role::Operator, "{role}");
            assert_eq!(role.fits(&TenantId::operators()), role == Role::Operator, "{role}");
        }
    }
}
