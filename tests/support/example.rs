//! Where the examples are.

use std::fs;
use std::path::{Path, PathBuf};

/// Where cargo puts the example: `target/<profile>/examples`, beside the `deps` that this test is in.
pub fn binary(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("is known");
    let deps = test.parent().expect("is in a directory");
    let binary = deps
        .with_file_name("examples")
        .join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    let changed = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let source = changed(Path::new(&format!("examples/{example}.rs"))).expect("is an example");
    assert!(
        changed(&binary).is_ok_and(|built| built >= source),
        "{} is missing or old: run `cargo build --examples` for this profile first",
        binary.display()
    );
    binary
}
