//! Secrets of tenants for those who send them: read from the database and opened, each for one request.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{For, Vault};
use crate::fetch;
use crate::lead::TenantId;
use crate::store::Store;
use crate::trust::SecretName;

/// Opens secrets; for threads that may wait for the database.
#[derive(Debug, Clone)]
pub struct Safe {
    store: Store,
    /// Absent where the service keeps none.
    vault: Option<Arc<Vault>>,
    runtime: Handle,
}

impl Safe {
    /// To be made where the database's connections run.
    pub fn new(store: Store, vault: Option<Arc<Vault>>) -> Self {
        Self { store, vault, runtime: Handle::current() }
    }
}

impl fetch::Safe for Safe {
    fn open(&self, tenant: &TenantId, name: &SecretName) -> Result<String, String> {
        let vault = self.vault.as_ref().ok_or("this service keeps no secrets")?;
        // Read each time: one that was changed or taken away is so from the next request on.
        let sealed = self.runtime.block_on(self.store.of(tenant).secret(name.as_str()));
        let sealed = sealed.map_err(|_| format!("the secret {name} cannot be read now"))?;
        let sealed = sealed.ok_or_else(|| format!("there is no secret {name}"))?;
        let opened = vault.open(tenant, For::Secret(name.as_str()), &sealed);
        let opened = opened.map_err(|_| format!("the secret {name} cannot be opened; set it again"))?;
        String::from_utf8(opened.expose().to_vec()).map_err(|_| format!("the secret {name} is not text"))
    }
}
