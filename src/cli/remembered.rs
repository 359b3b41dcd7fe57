//! What a client remembers of one Slurm and one user, and where: told apart by everything that
//! decides which server is asked, and as whom.

use std::path::PathBuf;

use crate::slurm::UserName;
use crate::slurm::client::{Memory, Server};

use super::deployment::{DeploymentArgs, cache_folder};

/// Returns the memory of a deployment, as `user` or else as the cluster's own user.
pub(super) fn of_deployment(deployment: &DeploymentArgs, user: Option<&UserName>) -> Memory {
    let mut key = vec![deployment.name.clone()];
    key.extend(deployment.place());
    open(key, user)
}

/// Returns the memory of any other server, asked for in place of the deployment of this name.
pub(super) fn of_server(deployment: &str, server: &Server, user: Option<&UserName>) -> Memory {
    open(vec![deployment.to_owned(), server.to_string()], user)
}

fn open(mut key: Vec<String>, user: Option<&UserName>) -> Memory {
    key.push(user.map(ToString::to_string).unwrap_or_default());
    match runtime_folder() {
        Some(folder) => Memory::open(&folder, &key),
        None => Memory::default(),
    }
}

/// Returns the folder of this user for what may be forgotten any time.
pub(super) fn runtime_folder() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
    };
    absolute("XDG_RUNTIME_DIR")
        .filter(|folder| folder.is_dir())
        .map(|folder| folder.join("hpcapi"))
        .or_else(|| cache_folder().ok().map(|cache| cache.join("run")))
}
