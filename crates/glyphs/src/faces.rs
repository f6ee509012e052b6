//! The embedded fonts, and which of them can be used.

use std::collections::HashSet;
use std::fmt;

use ab_glyph::{Font, FontRef, OutlineCurve};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ttf_parser::name_id;

use crate::outline::extent;
use crate::{Alphabet, Error};

/// Every distinct embedded face which has an outline for each letter of each [`Alphabet`], sorted by name.
///
/// The fonts are those of the crates `typst-assets` and `dejavu`. Both carry DejaVu Sans Mono; of faces with the same
/// bytes one is kept. The mathematical faces of New Computer Modern have no Cyrillic and are left out.
///
/// # Errors
///
/// [`Error::Font`] if an embedded font cannot be read or belongs to no known [`Family`].
pub fn faces() -> Result<Vec<Face>, Error> {
    let mut seen = HashSet::new();
    let mut faces = Vec::new();
    for (index, bytes) in typst_assets::fonts().chain(dejavu_fonts()).enumerate() {
        let sha256: [u8; 32] = Sha256::digest(bytes).into();
        if seen.insert(sha256)
            && let Some(face) = Face::read(index, bytes, sha256)?
        {
            faces.push(face);
        }
    }
    faces.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(faces)
}

/// One embedded font: a family in one weight, width and slant.
#[derive(Clone)]
pub struct Face {
    /// Full name from the font itself: `DejaVu Sans Bold Oblique`.
    pub name: String,
    /// The family it was designed with.
    pub family: Family,
    /// SHA-256 of the font file.
    pub sha256: [u8; 32],
    font: FontRef<'static>,
    cap_height: f32,
}

/// Faces drawn as one design. Condensed DejaVu counts with its normal width: the same letters, made narrower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// DejaVu Sans, condensed and extra light too: 9 faces.
    DejavuSans,
    /// DejaVu Sans Mono: 4 faces.
    DejavuSansMono,
    /// DejaVu Serif, condensed too: 8 faces.
    DejavuSerif,
    /// Libertinus Serif: 6 faces.
    LibertinusSerif,
    /// New Computer Modern in its text size of 10 points: 4 faces.
    NewComputerModern,
}

impl Family {
    /// Every family, in the order of their names.
    pub const ALL: [Family; 5] = [
        Family::DejavuSans,
        Family::DejavuSansMono,
        Family::DejavuSerif,
        Family::LibertinusSerif,
        Family::NewComputerModern,
    ];

    /// The name in full.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Family::DejavuSans => "DejaVu Sans",
            Family::DejavuSansMono => "DejaVu Sans Mono",
            Family::DejavuSerif => "DejaVu Serif",
            Family::LibertinusSerif => "Libertinus Serif",
            Family::NewComputerModern => "New Computer Modern",
        }
    }

    /// The family under the name which a font gives itself (some write it without spaces).
    fn named(name: &str) -> Option<Family> {
        let bare = |name: &str| name.replace(' ', "");
        Family::ALL.into_iter().find(|family| bare(family.name()) == bare(name))
    }
}

impl Face {
    /// The name as a part of a file name: `dejavu-sans-bold-oblique`.
    #[must_use]
    pub fn slug(&self) -> String {
        self.name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
    }

    /// The outline of a letter in font units, y upwards.
    pub(crate) fn outline(&self, letter: char) -> Result<Vec<OutlineCurve>, Error> {
        curves(&self.font, letter).ok_or_else(|| Error::NoOutline { face: self.name.clone(), letter })
    }

    /// Height of the capital H above the baseline, in font units: letters of all faces are drawn to one such height.
    pub(crate) fn cap_height(&self) -> f32 {
        self.cap_height
    }

    /// The face in these bytes, or `None` if it lacks a letter.
    fn read(index: usize, bytes: &'static [u8], sha256: [u8; 32]) -> Result<Option<Face>, Error> {
        let bad = |face: &str, reason: &dyn fmt::Display| Error::Font {
            face: face.into(),
            reason: reason.to_string(),
        };
        let number = format!("number {index}");
        let table = ttf_parser::Face::parse(bytes, 0).map_err(|e| bad(&number, &e))?;
        let name =
            name_in(&table, name_id::FULL_NAME).ok_or_else(|| bad(&number, &"has no readable name"))?;
        let font = FontRef::try_from_slice(bytes).map_err(|e| bad(&name, &e))?;
        let covers =
            |alphabet: Alphabet| alphabet.classes().iter().all(|class| curves(&font, class.letter).is_some());
        if !Alphabet::ALL.into_iter().all(covers) {
            return Ok(None);
        }
        let family = name_in(&table, name_id::TYPOGRAPHIC_FAMILY)
            .or_else(|| name_in(&table, name_id::FAMILY))
            .and_then(|family| Family::named(&family))
            .ok_or_else(|| bad(&name, &"belongs to no known family"))?;
        let cap_height = curves(&font, 'H').map_or(0.0, |outline| extent(&outline).max.y);
        if cap_height <= 0.0 {
            return Err(bad(&name, &"its H does not stand on the baseline"));
        }
        Ok(Some(Face { name, family, sha256, font, cap_height }))
    }
}

impl fmt::Debug for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Face({})", self.name)
    }
}

pub(crate) fn curves(font: &impl Font, letter: char) -> Option<Vec<OutlineCurve>> {
    let glyph = font.glyph_id(letter);
    // Glyph 0 is the box that stands for a missing letter; it has an outline too.
    (glyph.0 != 0)
        .then(|| font.outline(glyph))
        .flatten()
        .map(|outline| outline.curves)
        .filter(|c| !c.is_empty())
}

pub(crate) fn name_in(face: &ttf_parser::Face<'_>, id: u16) -> Option<String> {
    face.names().into_iter().filter(|name| name.name_id == id).find_map(|name| name.to_string())
}

fn dejavu_fonts() -> [&'static [u8]; 21] {
    use dejavu::{sans, sans_condensed, sans_mono, serif, serif_condensed};
    [
        sans::regular(),
        sans::bold(),
        sans::bold_oblique(),
        sans::extra_light(),
        sans::oblique(),
        sans_condensed::regular(),
        sans_condensed::bold(),
        sans_condensed::bold_oblique(),
        sans_condensed::oblique(),
        sans_mono::regular(),
        sans_mono::bold(),
        sans_mono::bold_oblique(),
        sans_mono::oblique(),
        serif::regular(),
        serif::bold(),
        serif::bold_italic(),
        serif::italic(),
        serif_condensed::regular(),
        serif_condensed::bold(),
        serif_condensed::bold_italic(),
        serif_condensed::italic(),
    ]
}
