//! What a tenant publishes of its own, besides its folder: releases of plugins by name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::lead::PluginId;
use crate::releases::{Stage, Version};

/// Releases that a tenant has published, as far as they answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Published(pub BTreeMap<PluginId, Running>);

/// Which releases of one plugin answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Running {
    /// The one that decides.
    pub active: Option<Component>,
    /// The one on its way.
    pub candidate: Option<(Component, Stage)>,
}

/// A release's component.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Which release it is.
    pub version: Version,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

impl Published {
    /// Where a folder is used by itself: `published/NAME.wasm` of it stands for the active release, as version 0.0.0.
    pub fn beside(folder: &Path) -> Self {
        let Ok(files) = std::fs::read_dir(folder.join("published")) else { return Self::default() };
        let running = |path: &Path| {
            let plugin: PluginId = path.file_stem()?.to_str()?.parse().ok()?;
            let bytes =
                std::fs::read(path).ok().filter(|_| path.extension().is_some_and(|it| it == "wasm"))?;
            let version = "0.0.0".parse().ok()?;
            Some((
                plugin,
                Running { active: Some(Component { version, bytes: bytes.into() }), candidate: None },
            ))
        };
        Self(files.flatten().filter_map(|file| running(&file.path())).collect())
    }
}
