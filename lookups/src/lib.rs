//! Keeps lookups of hosts and users in a static glibc to what is built into it.
//!
//! A crate of its own since it has to call C, and hpcapi itself forbids unsafe code.

/// Makes a static glibc answer from files and DNS alone. Does nothing in any other build.
///
/// It would otherwise load the modules that `/etc/nsswitch.conf` names, such as `myhostname` and
/// `resolve`; one made for a glibc of another version ends the process with SIGFPE. To be called
/// before the first lookup, while there is one thread.
pub fn built_in_only() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if cfg!(target_feature = "crt-static") {
        glibc::configure();
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::ffi::{CStr, c_char, c_int};

    /// Hosts, for the SDK and reqwest, and users, for a home when `HOME` is not set.
    const LOOKUPS: [(&CStr, &CStr); 2] = [(c"hosts", c"files dns"), (c"passwd", c"files")];

    unsafe extern "C" {
        fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
    }

    pub(super) fn configure() {
        for (database, services) in LOOKUPS {
            // SAFETY: both are strings that end with NUL, and glibc keeps no pointer to them.
            let failed = unsafe { __nss_configure_lookup(database.as_ptr(), services.as_ptr()) };
            assert_eq!(failed, 0, "glibc refuses {services:?} for {database:?}");
        }
    }
}
