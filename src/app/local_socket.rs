//! The socket in the data directory, by which the operator of the host works on a running appliance.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

const NAME: &str = "local.sock";

/// An address of the socket that is short enough whatever the directory's path is: a socket's may have 107
/// bytes. It is good as long as the file lives.
pub fn socket_path(dir: &Path) -> std::io::Result<(File, PathBuf)> {
    let opened = File::open(dir)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", opened.as_raw_fd()));
    Ok((opened, path))
}

/// Listens there, for the owner of the directory alone. Without it everything but that works, so trouble is a
/// message.
pub(super) fn listen(dir: &Path) -> Option<UnixListener> {
    remove(dir);
    let listened = socket_path(dir).and_then(|(_dir, path)| {
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    });
    match listened {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::warn!(%error, "the local socket cannot be made; `key` and `user` work only while stopped");
            None
        }
    }
}

/// Removes the socket. The data directory is locked, so it is ours or a dead one's.
pub(super) fn remove(dir: &Path) {
    drop(std::fs::remove_file(dir.join(NAME)));
}
