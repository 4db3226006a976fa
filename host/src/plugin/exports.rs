//! What a component exports: where its functions are, and which version of the interface they speak.

use wasmtime::component::{Component, ComponentExportIndex};

use super::version::InterfaceVersion;

/// Which interfaces a component exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exports {
    /// `classifier`.
    pub classifier: bool,
    /// `scorer`.
    pub scorer: bool,
    /// `fallback`.
    pub fallback: bool,
    /// `enricher`.
    pub enricher: bool,
}

/// Where its functions are; those of a role are absent where it has not got the role.
pub(super) struct Indices {
    pub(super) interface: InterfaceVersion,
    pub(super) schema: ComponentExportIndex,
    pub(super) check: ComponentExportIndex,
    pub(super) prepare: ComponentExportIndex,
    pub(super) classify: Option<ComponentExportIndex>,
    pub(super) score: Option<ComponentExportIndex>,
    pub(super) resolve: Option<ComponentExportIndex>,
    pub(super) plan: Option<ComponentExportIndex>,
    pub(super) interpret: Option<ComponentExportIndex>,
}

impl Indices {
    /// Looks them up. The version is that of its `setup`, which every plugin exports; `None` where it lacks it.
    pub(super) fn of(component: &Component) -> Option<Self> {
        InterfaceVersion::ALL.into_iter().rev().find_map(|interface| {
            let find = |role: &str, function: &str| {
                let role = component.get_export_index(None, interface.name(role).as_str())?;
                component.get_export_index(Some(&role), function)
            };
            Some(Self {
                interface,
                schema: find("setup", "schema")?,
                check: find("setup", "check")?,
                prepare: find("setup", "prepare")?,
                classify: find("classifier", "classify"),
                score: find("scorer", "score"),
                resolve: find("fallback", "resolve"),
                plan: find("enricher", "plan"),
                interpret: find("enricher", "interpret"),
            })
        })
    }

    pub(super) fn exports(&self) -> Exports {
        Exports {
            classifier: self.classify.is_some(),
            scorer: self.score.is_some(),
            fallback: self.resolve.is_some(),
            enricher: self.plan.is_some() && self.interpret.is_some(),
        }
    }
}
