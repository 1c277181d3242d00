//! The contract, bullet by bullet, over the public interface. `README.md` is the table. Every test runs under the leak check.

#[path = "../support/mod.rs"]
mod support;

mod allocation;
mod delivery;
mod depths;
mod handles;
mod kill;
mod locals;
mod misuse;
mod panicking;
mod scale;
mod stacks;
mod trace;
mod types;

#[test]
fn every_statement_of_the_contract_has_its_tests() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let table = std::fs::read_to_string(folder.join("README.md")).expect("the table is there");
    let rows: Vec<_> = table.lines().filter(|line| line.contains("::")).collect();
    assert_eq!(rows.len(), 26, "rows of the table");
    for row in rows {
        let (statement, tests) = row.trim_matches('|').split_once('|').expect("two cells");
        let names = tests.split('`').filter(|part| part.contains("::"));
        for name in names {
            let (file, function) = name.split_once("::").expect("file::function");
            let source = std::fs::read_to_string(folder.join(format!("{file}.rs")));
            let test = format!("#[test]\nfn {function}()");
            assert!(
                source.expect(file).contains(&test),
                "{name} is gone, which shows: {statement}"
            );
        }
    }
}
