use super::*;

mod keeping;
mod memory;
