//! The inputs that are kept for the fuzzer, against the model.

#[path = "../support/corpus.rs"]
mod kept;

use crate::against_model::check;
use crate::bytes::program;

#[test]
fn what_is_kept_for_the_fuzzer_does_what_the_model_says() {
    for (name, bytes) in kept::inputs("switch_graph").unwrap_or_default() {
        if let Some(program) = program(&bytes)
            && let Err(failure) = check(&program)
        {
            panic!("{name}: {program}\n{failure}");
        }
    }
}
