//! Which faces are learnt from, and which are kept back.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Face, Family};

/// How faces are divided. A face is in one part only, in whatever way.
///
/// The division is the same for every [`crate::Alphabet`], so that a network trained on Latin letters has not seen the
/// faces that Cyrillic is tested on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Split {
    /// Single faces are kept back, in proportion from every family.
    ///
    /// A kept face often has a near relation in training: the upright of an oblique, the normal width of a condensed.
    /// That is the easier question, "a new style of a known design".
    ByFace {
        /// Faces for the test.
        test: usize,
        /// Faces for validation.
        validation: usize,
        /// Which ones.
        seed: u64,
    },
    /// Whole families are kept back, and training has the rest: the harder question, "a new design".
    ByFamily {
        /// Families for the test.
        test: Vec<Family>,
        /// Families for validation.
        validation: Vec<Family>,
    },
}

/// The faces of each part, sorted by name.
#[derive(Clone, Debug)]
pub struct Partition<'a> {
    /// Faces to learn from; never empty.
    pub train: Vec<&'a Face>,
    /// Faces to choose by.
    pub validation: Vec<&'a Face>,
    /// Faces to judge by.
    pub test: Vec<&'a Face>,
}

impl<'a> Partition<'a> {
    /// The parts under the names of their folders: `train`, `val`, `test`.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, &[&'a Face]); 3] {
        [("train", &self.train), ("val", &self.validation), ("test", &self.test)]
    }
}

impl Default for Split {
    /// Eight faces for the test, four for validation, the rest (19) for training.
    fn default() -> Self {
        Split::ByFace { test: 8, validation: 4, seed: 0 }
    }
}

impl Split {
    /// The usual division by families: one sans and one serif design in training (DejaVu Sans, DejaVu Serif), one of
    /// each in the test (DejaVu Sans Mono, New Computer Modern), and Libertinus Serif for validation.
    #[must_use]
    pub fn by_family() -> Split {
        Split::ByFamily {
            test: vec![Family::DejavuSansMono, Family::NewComputerModern],
            validation: vec![Family::LibertinusSerif],
        }
    }

    /// Divides the faces.
    ///
    /// # Errors
    ///
    /// [`Error::Spec`] if no face is left for training, or a family is named for two parts.
    pub fn partition<'a>(&self, faces: &'a [Face]) -> Result<Partition<'a>, Error> {
        let part = match self {
            Split::ByFace { test, validation, seed } => by_face(faces, *test, *validation, *seed),
            Split::ByFamily { test, validation } => by_family(faces, test, validation)?,
        };
        if part.train.is_empty() {
            return Err(self.refused("no face is left to train on; keep fewer back"));
        }
        Ok(part)
    }

    fn refused(&self, rule: &'static str) -> Error {
        Error::Spec { field: "split", value: format!("{self:?}"), rule }
    }
}

fn by_family<'a>(faces: &'a [Face], test: &[Family], validation: &[Family]) -> Result<Partition<'a>, Error> {
    if let Some(family) = test.iter().find(|family| validation.contains(family)) {
        let rule = "a family cannot be for validation and for the test; name it once";
        return Err(Error::Spec { field: "split", value: family.name().into(), rule });
    }
    let of = |wanted: &dyn Fn(&Family) -> bool| faces.iter().filter(|face| wanted(&face.family)).collect();
    Ok(Partition {
        train: of(&|family| !test.contains(family) && !validation.contains(family)),
        validation: of(&|family| validation.contains(family)),
        test: of(&|family| test.contains(family)),
    })
}

fn by_face(faces: &[Face], test: usize, validation: usize, seed: u64) -> Partition<'_> {
    let of = |family| faces.iter().filter(|face| face.family == family).collect::<Vec<_>>();
    let mut families = Family::ALL.map(|family| shuffled(of(family), &seed.to_le_bytes()));
    let sizes = families.each_ref().map(Vec::len);
    let mut take = |count| {
        let quota = apportion(&sizes, families.each_ref().map(Vec::len), count);
        let mut taken: Vec<_> =
            families.iter_mut().zip(quota).flat_map(|(family, n)| family.drain(..n)).collect();
        taken.sort_by(|a, b| a.name.cmp(&b.name));
        taken
    };
    let test = take(test);
    let validation = take(validation);
    Partition { train: take(usize::MAX), validation, test }
}

/// Faces in an order that depends on `salt` and on nothing else: neither on a generator's version nor on the order given.
pub(crate) fn shuffled<'a>(mut faces: Vec<&'a Face>, salt: &[u8]) -> Vec<&'a Face> {
    faces.sort_by_cached_key(|face| -> [u8; 32] {
        Sha256::new().chain_update(salt).chain_update(face.sha256).finalize().into()
    });
    faces
}

/// Divides `count` places over parties of these sizes by largest remainders (Hamilton's method). No party gets more
/// than it has left; what it cannot use goes to the others.
fn apportion<const N: usize>(sizes: &[usize; N], left: [usize; N], count: usize) -> [usize; N] {
    let total: usize = sizes.iter().sum::<usize>().max(1);
    let count = count.min(left.iter().sum());
    let mut given: [usize; N] = std::array::from_fn(|i| (count * sizes[i] / total).min(left[i]));
    let mut by_remainder: Vec<usize> = (0..N).collect();
    by_remainder.sort_by_key(|&i| (std::cmp::Reverse(count * sizes[i] % total), i));
    let mut missing = count - given.iter().sum::<usize>();
    for i in by_remainder.into_iter().cycle() {
        if missing == 0 {
            break;
        }
        if given[i] < left[i] {
            given[i] += 1;
            missing -= 1;
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_size_and_spill_over_when_a_party_is_empty() {
        assert_eq!(apportion(&[9, 4, 8, 6, 4], [9, 4, 8, 6, 4], 8), [2, 1, 2, 2, 1]);
        assert_eq!(apportion(&[9, 4], [1, 4], 4), [1, 3]);
        assert_eq!(apportion(&[2, 2], [2, 2], 99), [2, 2]);
    }
}
