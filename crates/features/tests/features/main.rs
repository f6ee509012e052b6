//! Tests of the public interface of `features`, in one binary.

mod cached;
mod families;
mod format;
mod loaders;
