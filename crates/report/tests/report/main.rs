//! The room's public outputs, tested on the sample records of its example.

#[path = "../../examples/sample_report/records.rs"]
mod records;

mod events;
mod outputs;
mod pages;
