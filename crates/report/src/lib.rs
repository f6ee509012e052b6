//! A finished run's record, and its ways out: one self-contained HTML page and TensorBoard events.

pub mod record;
