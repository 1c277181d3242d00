//! Random programs of greenlets, run on the crate, on a model of it, and on Python's greenlet.
//!
//! `GREENLET_GRAPH_CASES` programs are compared with the model, `GREENLET_ORACLE_CASES` with Python. The programs
//! are the same every time unless `GREENLET_GRAPH_SEED` is set to another number. To see what one program does,
//! put its text into `GREENLET_GRAPH_PROGRAM`.

#[path = "../support/mod.rs"]
mod support;

mod program;

mod model;

mod differences;

mod real;

mod generate;

mod against_model;

mod against_python;

mod bytes;

mod corpus;

mod deliberate;

mod types;
