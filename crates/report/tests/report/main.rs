//! The room's public outputs, tested on the sample records of its example.

#[path = "../../examples/sample_report/samples.rs"]
mod samples;

#[path = "../../examples/sample_report/advice.rs"]
mod sample_advice;

#[path = "../../../../tests/support/key_paths.rs"]
mod key_paths;

#[path = "../../examples/sample_report/audit.rs"]
mod sample_audit;

mod advice;
mod audit;
mod contents;
mod events;
mod keys;
mod outputs;
mod pages;
