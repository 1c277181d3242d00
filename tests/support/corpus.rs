//! The inputs that are kept for the fuzzer.

use std::fs;
use std::path::Path;

/// What is kept for a target, by name. `None` in a package, which comes without them.
pub fn inputs(target: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    if !fuzz.join("Cargo.toml").exists() {
        return None;
    }
    let folder = fs::read_dir(fuzz.join("corpus").join(target)).expect(target);
    let mut inputs: Vec<_> = folder
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    inputs.sort();
    assert!(inputs.len() >= 20, "{target} has {} inputs", inputs.len());
    Some(inputs)
}
