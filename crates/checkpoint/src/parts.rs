//! Tensors that a file has in parts where a network has one: queries, keys and values of attention.
//!
//! A [`Dialect`](crate::Dialect) says so in the name that it gives to a part: `blocks.0.attn.qkv.weight[1]` is the second one of
//! `blocks.0.attn.qkv.weight`. Parts are joined along the first axis. Where a name says how many there are, `qkv.bias[2 of 3]`,
//! those that the file lacks are zero: keys without a bias.

use std::collections::BTreeMap;

use crate::Array;

/// The name of the whole, where a name is that of a part; else the name itself.
pub(crate) fn whole(name: &str) -> &str {
    part(name).map_or(name, |_| name.rsplit_once('[').map_or(name, |(whole, _)| whole))
}

/// Whether a tensor of the first shape, called so, can be a part of a whole of the second.
pub(crate) fn is_part(name: &str, part: &[usize], whole: &[usize]) -> bool {
    self::part(name).is_some()
        && part.len() == whole.len()
        && part.get(1..) == whole.get(1..)
        && part.first().zip(whole.first()).is_some_and(|(part, whole)| *part > 0 && whole % part == 0)
}

/// Joins parts that are all there, or may be missing, and fit together; others stay under the names of parts.
pub(crate) fn join(arrays: &mut BTreeMap<String, Array>) {
    let mut wholes: BTreeMap<String, Parts> = BTreeMap::new();
    for name in arrays.keys() {
        if let Some(part) = part(name) {
            let parts = wholes.entry(whole(name).to_owned()).or_default();
            parts.names.insert(part.place, name.clone());
            parts.count = parts.count.max(part.count);
        }
    }
    for (whole, parts) in wholes {
        let Some(joined) = parts.joined(arrays).filter(|_| !arrays.contains_key(&whole)) else { continue };
        parts.names.values().for_each(|name| drop(arrays.remove(name)));
        arrays.insert(whole, joined);
    }
}

/// The parts of one tensor.
#[derive(Default)]
struct Parts {
    /// Place, from 0, and name in the file.
    names: BTreeMap<usize, String>,
    /// How many there are, where some may be missing.
    count: Option<usize>,
}

impl Parts {
    /// The whole; `None` where parts are missing that may not, or they do not fit together.
    fn joined(&self, arrays: &BTreeMap<String, Array>) -> Option<Array> {
        let first = self.names.values().next().and_then(|name| arrays.get(name))?;
        let rest = first.shape.get(1..)?;
        let zeros = Array { data: vec![0; first.data.len()], shape: first.shape.clone(), dtype: first.dtype };
        let places = 0..self.count.unwrap_or(self.names.len());
        let known = self.names.keys().all(|place| places.contains(place));
        let all = places.map(|place| match self.names.get(&place) {
            Some(name) => arrays.get(name),
            None => self.count.map(|_| &zeros),
        });
        let all: Vec<&Array> = all.collect::<Option<_>>().filter(|_| known)?;
        let fits = |it: &&Array| it.dtype == first.dtype && it.shape.get(1..) == Some(rest);
        let extents: Vec<usize> =
            all.iter().copied().filter(fits).filter_map(|it| it.shape.first().copied()).collect();
        let extent: usize = extents.iter().sum();
        let shape = [&[extent], rest].concat();
        let data = || all.iter().flat_map(|array| array.data.iter().copied()).collect();
        (extents.len() == all.len()).then(|| Array { shape, dtype: first.dtype, data: data() })
    }
}

/// What the brackets at the end of a name say.
struct Part {
    /// Which part it is, from 0.
    place: usize,
    /// How many there are, where some may be missing.
    count: Option<usize>,
}

/// Which part a name is of.
fn part(name: &str) -> Option<Part> {
    let (_, part) = name.strip_suffix(']')?.rsplit_once('[')?;
    let Some((place, count)) = part.split_once(" of ") else {
        return Some(Part { place: part.parse().ok()?, count: None });
    };
    let count = count.parse().ok().filter(|&count| count <= MAX_PARTS)?;
    Some(Part { place: place.parse().ok()?, count: Some(count) })
}

/// Queries, keys and values. What a file calls its tensors must not decide how much memory they take.
const MAX_PARTS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_in_order_and_only_if_all_are_there() {
        let array = |values: &[f32]| Array::from_f32(vec![values.len() / 2, 2], values).unwrap();
        let mut arrays = BTreeMap::from([
            ("qkv.weight[1]".to_owned(), array(&[3.0, 4.0])),
            ("qkv.weight[0]".to_owned(), array(&[1.0, 2.0])),
            ("other[1]".to_owned(), array(&[5.0, 6.0])),
            ("plain".to_owned(), array(&[7.0, 8.0])),
        ]);
        join(&mut arrays);
        assert_eq!(arrays.keys().collect::<Vec<_>>(), ["other[1]", "plain", "qkv.weight"]);
        assert_eq!(arrays["qkv.weight"].shape, [2, 2]);
        assert_eq!(arrays["qkv.weight"].to_f32().unwrap(), [1.0, 2.0, 3.0, 4.0]);
        let mut biases = BTreeMap::from([
            ("qkv.bias[2 of 3]".to_owned(), array(&[5.0, 6.0])),
            ("qkv.bias[0 of 3]".to_owned(), array(&[1.0, 2.0])),
            ("many.bias[0 of 4000000000]".to_owned(), array(&[1.0, 2.0])),
        ]);
        join(&mut biases);
        assert_eq!(biases.keys().collect::<Vec<_>>(), ["many.bias[0 of 4000000000]", "qkv.bias"]);
        assert_eq!(biases["qkv.bias"].to_f32().unwrap(), [1.0, 2.0, 0.0, 0.0, 5.0, 6.0]);
        assert_eq!(
            (whole("qkv.weight[1]"), whole("qkv.weight"), whole("a]")),
            ("qkv.weight", "qkv.weight", "a]")
        );
        assert!(
            is_part("w[2]", &[4, 8], &[12, 8])
                && !is_part("w[2]", &[5, 8], &[12, 8])
                && !is_part("w", &[4], &[12])
        );
    }
}
