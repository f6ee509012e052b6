//! Font files of the user's.

use std::fmt;
use std::fs;
use std::path::Path;

use ab_glyph::{FontArc, OutlineCurve};
use ttf_parser::name_id;

use crate::Error;
use crate::faces::{curves, name_in};
use crate::outline::{are_equal, extent};

/// Font out of a file, TrueType or OpenType; of a collection the first font.
#[derive(Clone)]
pub struct Typeface {
    /// Full name from the font itself, `GFS Didot Bold`.
    pub name: String,
    /// Its family, `GFS Didot`.
    pub family: String,
    /// Whether the font says that it is bold.
    pub bold: bool,
    /// Whether it is italic or oblique.
    pub italic: bool,
    font: FontArc,
    cap_height: f32,
}

impl Typeface {
    /// Reads a font file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read, [`Error::FontFile`] if it is no font that has outlines and a name.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bad = |reason: String| Error::FontFile { path: path.to_owned(), reason };
        let bytes = fs::read(path).map_err(files::Error::io("read", path))?;
        let table = ttf_parser::Face::parse(&bytes, 0).map_err(|error| bad(error.to_string()))?;
        let name = name_in(&table, name_id::FULL_NAME).ok_or_else(|| bad("has no readable name".into()))?;
        let family = name_in(&table, name_id::TYPOGRAPHIC_FAMILY)
            .or_else(|| name_in(&table, name_id::FAMILY))
            .unwrap_or_else(|| name.clone());
        let (bold, italic) = (table.is_bold(), table.is_italic() || table.is_oblique());
        let units = f32::from(table.units_per_em());
        let font = FontArc::try_from_vec(bytes).map_err(|error| bad(error.to_string()))?;
        let measured =
            curves(&font, 'H').map(|outline| extent(&outline).max.y).filter(|&height| height > 0.0);
        // Fonts of other scripts may lack an H; capitals of most typefaces are about this high.
        let cap_height = measured.unwrap_or(0.7 * units);
        Ok(Self { name, family, bold, italic, font, cap_height })
    }

    /// Whether it has an outline for each of these letters, and no two the same: some fonts draw a box for what they lack.
    #[must_use]
    pub fn covers(&self, letters: &[char]) -> bool {
        let outlines = letters.iter().map(|&letter| curves(&self.font, letter));
        let Some(outlines) = outlines.collect::<Option<Vec<_>>>() else { return false };
        let is_new = |place: usize| !outlines[..place].iter().any(|other| are_equal(other, &outlines[place]));
        (1..outlines.len()).all(is_new)
    }

    /// The outline of a letter in font units, y upwards.
    pub(crate) fn outline(&self, letter: char) -> Result<Vec<OutlineCurve>, Error> {
        curves(&self.font, letter).ok_or_else(|| Error::NoOutline { face: self.name.clone(), letter })
    }

    /// Height of the capital H above the baseline, in font units.
    pub(crate) fn cap_height(&self) -> f32 {
        self.cap_height
    }
}

impl fmt::Debug for Typeface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Typeface({})", self.name)
    }
}
