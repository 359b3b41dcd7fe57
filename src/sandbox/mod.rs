//! The sandbox: an AWS of one's own on one Linux machine, with real Slurm behind it. This
//! folder installs, starts and stops it; what runs in it is in `sandbox/` beside `src/`.

mod emulator;
mod install;
mod privilege;

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::event::Events;
use crate::settings::Endpoint;

pub use emulator::Running;

/// The account that the sandbox plays when the user does not say.
const ACCOUNT: &str = "123456789012";

/// A sandbox: everything of it is in one folder.
#[derive(Debug, Clone)]
pub struct Sandbox {
    folder: PathBuf,
}

impl Sandbox {
    /// Returns the sandbox in `folder`, which need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Sandbox { folder }
    }

    /// Returns its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the emulator, if it runs.
    pub fn running(&self) -> Option<Running> {
        emulator::running(&self.folder)
    }

    /// Returns whether it has been installed; what is broken of it is mended when it starts.
    pub async fn is_installed(&self) -> bool {
        install::is_there(&self.folder).await
    }

    /// Installs what is missing, and starts the emulator unless it runs.
    pub async fn start(&self, events: &Events) -> Result<Running> {
        if let Some(running) = self.running() {
            return Ok(running);
        }
        events.note("starting the sandbox");
        let started = async {
            install::install(&self.folder, events).await?;
            emulator::start(&self.folder, events).await
        };
        let started = started.await;
        events.progress("");
        started
    }

    /// Stops the emulator and every node of it; returns whether it ran.
    pub async fn stop(&self) -> Result<bool> {
        emulator::stop(&self.folder).await
    }
}

impl Running {
    /// Returns how AWS clients reach the emulator as `account` in `region`.
    pub fn endpoint(&self, region: Option<&str>, account: Option<&str>) -> Endpoint {
        Endpoint {
            url: self.endpoint.clone(),
            region: region.unwrap_or("us-east-1").to_owned(),
            access_key_id: account.unwrap_or(ACCOUNT).to_owned(),
            secret_access_key: "sandbox".to_owned(),
        }
    }
}
