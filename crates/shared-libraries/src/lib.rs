//! What programs and shared libraries need of a system, read from their ELF headers.
//!
//! A program that was linked on one Linux runs on another if that one's C library is as new as the newest function that any of the
//! program's files asks for: each such function carries a version, `GLIBC_2.28`.
//!
//! - [`Library`]: one file: libraries that it names, where it looks for them, versions that it asks for and offers
//! - [`Version`], [`newest`]: `GLIBC_2.28`, and the newest of a family among many files
//! - [`closure`]: all libraries that a program loads, and where they lie
//! - [`loaded`]: the libraries that this process has loaded

mod closure;
mod error;
mod library;
mod loaded;
mod newest;
mod version;

pub use closure::{Found, closure, is_of_libc, system_folders};
pub use error::Error;
pub use library::Library;
pub use loaded::loaded;
pub use newest::{Newest, newest};
pub use version::Version;
