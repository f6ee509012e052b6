//! Tensors that a file has in parts where a network has one: queries, keys and values of attention.
//!
//! A [`Dialect`](crate::Dialect) says so in the name that it gives to a part: `blocks.0.attn.qkv.weight[1]` is the second one of
//! `blocks.0.attn.qkv.weight`. Parts are joined along the first axis.

use std::collections::BTreeMap;

use crate::Array;

/// The name of the whole, where a name is that of a part; else the name itself.
pub(crate) fn whole(name: &str) -> &str {
    place(name).map_or(name, |_| name.rsplit_once('[').map_or(name, |(whole, _)| whole))
}

/// Whether a tensor of the first shape, called so, can be a part of a whole of the second.
pub(crate) fn is_part(name: &str, part: &[usize], whole: &[usize]) -> bool {
    place(name).is_some()
        && part.len() == whole.len()
        && part.get(1..) == whole.get(1..)
        && part.first().zip(whole.first()).is_some_and(|(part, whole)| *part > 0 && whole % part == 0)
}

/// Joins parts that are all there and fit together; others stay under the names of parts.
pub(crate) fn join(arrays: &mut BTreeMap<String, Array>) {
    let mut wholes: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
    for name in arrays.keys() {
        if let Some(place) = place(name) {
            wholes.entry(whole(name).to_owned()).or_default().push((place, name.clone()));
        }
    }
    for (whole, mut parts) in wholes {
        parts.sort();
        let complete = parts.iter().enumerate().all(|(index, (place, _))| index == *place);
        let all: Vec<&Array> = parts.iter().filter_map(|(_, name)| arrays.get(name)).collect();
        let alike = all
            .windows(2)
            .all(|pair| pair[0].dtype == pair[1].dtype && pair[0].shape.get(1..) == pair[1].shape.get(1..));
        let Some(first) = all.first().filter(|_| complete && alike && !arrays.contains_key(&whole)) else {
            continue;
        };
        let Some(rest) = first.shape.get(1..) else { continue };
        let extent = all.iter().map(|array| array.shape[0]).sum();
        let shape = [&[extent], rest].concat();
        let data = all.iter().flat_map(|array| array.data.iter().copied()).collect();
        let joined = Array { shape, dtype: first.dtype, data };
        parts.iter().for_each(|(_, name)| drop(arrays.remove(name)));
        arrays.insert(whole, joined);
    }
}

/// Which part a name is of: the number in brackets at its end.
fn place(name: &str) -> Option<usize> {
    name.strip_suffix(']')?.rsplit_once('[')?.1.parse().ok()
}

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
