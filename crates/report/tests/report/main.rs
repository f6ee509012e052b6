//! The room's public outputs, tested on the sample records of its example.

#[path = "../../examples/sample_report/samples.rs"]
mod samples;

#[path = "../../examples/sample_report/advice.rs"]
mod sample_advice;

#[path = "../../examples/sample_report/search.rs"]
mod sample_search;

#[path = "../../../../tests/support/key_paths.rs"]
mod key_paths;

mod advice;
mod contents;
mod events;
mod keys;
mod outputs;
mod pages;
mod search;
