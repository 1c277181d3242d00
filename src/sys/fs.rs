//! What std has of the file system for Unix only.

pub use std::os::unix::fs::{
    DirBuilderExt, DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt,
};

pub(crate) use std::os::unix::fs::{chown, chroot, fchown, lchown, symlink};
