use serde::Serialize;

/// Types of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Numbers {
    /// As trained.
    Float32,
    /// Half as large.
    Float16,
    /// A quarter as large, calibrated on images.
    Int8,
}
