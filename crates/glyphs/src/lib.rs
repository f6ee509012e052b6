//! Letters as images: Latin and Cyrillic drawn from embedded fonts, and written out as an ordinary image folder.
//!
//! This room gives the workspace a data set that needs no network: typed Latin letters are a source task, Cyrillic
//! capitals a new one. Whole faces are held out, so a test letter is always in a font that training never showed.
//! It knows pixels, fonts and folders, and nothing of models or of the rest of the workspace.
//!
//! Reading order:
//!
//! - [`Alphabet`]: which letters, and the folder of each class
//! - [`faces`]: which embedded fonts cover them all
//! - [`Split`]: which faces go to training, validation and test
//! - [`Spec`] and [`Variation`]: everything that decides the bytes of a folder
//! - [`draw`]: one letter, in one face, as a [`GrayImage`]
//! - [`Typeface`]: a font file of the user's, for letters of other scripts, and [`draw_in`] it
//! - [`write()`] and [`ensure`]: the folder itself, all of it or none of it
//! - [`Manifest`]: spec and digest of a written folder
//!
//! The binary of the same name draws from a command line: `cargo run -p glyphs -- --help`. The example `typefaces` draws
//! letters out of font files.
//!
//! ```no_run
//! use glyphs::{Alphabet, Spec, Split};
//!
//! let spec = Spec::new(Alphabet::CyrillicCapitals, Split::default());
//! let manifest = glyphs::ensure(&spec, "data/cyrillic".as_ref(), &|done, total| eprint!("\r{done}/{total}"))?;
//! # Ok::<(), glyphs::Error>(())
//! ```

mod alphabet;
mod draw;
mod error;
mod faces;
mod image;
mod manifest;
mod outline;
mod spec;
mod split;
mod typeface;
mod write;

pub use alphabet::{Alphabet, Class};
pub use draw::{draw, draw_in};
pub use error::Error;
pub use faces::{Face, Family, faces};
pub use image::GrayImage;
pub use manifest::{MANIFEST_FILE, Manifest};
pub use spec::{Spec, Variation};
pub use split::{Partition, Split};
pub use typeface::Typeface;
pub use write::{ensure, remove_outdated, write};
