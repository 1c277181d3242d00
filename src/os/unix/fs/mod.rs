//! `std::os::unix::fs`, cooperatively, as [`fs`](mod@crate::fs) is.
//!
//! The traits are std's own, which the types of that module have, too.

pub(crate) mod paths;

pub use crate::os::unix::fs::paths::{chown, chroot, fchown, lchown, symlink};
pub use crate::sys::fs::{
    DirBuilderExt, DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt,
};
