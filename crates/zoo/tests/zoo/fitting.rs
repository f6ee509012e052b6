//! Names of other libraries.

use std::collections::BTreeMap;

#[derive(serde::Deserialize)]
struct Timm {
    networks: BTreeMap<String, BTreeMap<String, Vec<usize>>>,
}

/// The tables of names hold against timm itself (`tests/torchvision/make_timm_names.py`).
#[test]
fn every_tensor_of_timms_networks_is_one_of_ours() {
    let text = include_str!("../../../../tests/torchvision/timm_names.json");
    let timm: Timm = serde_json::from_str(text).unwrap();
    assert_eq!(timm.networks.len(), 29);
    for (name, tensors) in &timm.networks {
        let network = zoo::network(name.trim_start_matches("tf_")).unwrap();
        let layout = network.layout();
        let mut wanted = layout.tensors.clone();
        // Constants, which timm does not save.
        let constant = |name: &str| {
            [".relative_position_index", ".relative_coords_table"].iter().any(|last| name.ends_with(last))
        };
        let is_theirs = |name: &str| !name.starts_with("AuxLogits.") && !constant(name);
        wanted.retain(|name, _| is_theirs(name));
        let mut parts: BTreeMap<String, usize> = BTreeMap::new();
        let timms = layout.dialects.iter().find(|dialect| dialect.name == "timm");
        for (theirs, shape) in tensors {
            let ours = timms.and_then(|dialect| (dialect.rename)(theirs)).unwrap_or_else(|| theirs.clone());
            if let Some((whole, count)) = ours.strip_suffix(" of 3]").and_then(|part| part.rsplit_once('[')) {
                // Queries and values have a bias, keys have none.
                let expected = layout.tensors[whole].clone();
                assert_eq!((expected, shape.len()), (vec![3 * shape[0]], 1), "{name}: {theirs}");
                *parts.entry(whole.to_owned()).or_insert(0) += 1 + count.parse::<usize>().unwrap();
                continue;
            }
            let expected = wanted.remove(&ours).unwrap_or_else(|| panic!("{name}: {theirs} is {ours}"));
            if ours.ends_with("pos_embedding") || ours.ends_with("pos_embed") {
                // As many positions as its images have patches; a token of their own in all but DINOv2 with registers.
                assert_eq!(expected.last(), shape.last(), "{name}: {theirs}");
                continue;
            }
            let [ours_count, theirs_count] = [&expected, shape].map(|shape| shape.iter().product::<usize>());
            assert_eq!(
                (expected[..expected.len().min(1)].to_vec(), ours_count),
                (shape[..shape.len().min(1)].to_vec(), theirs_count),
                "{theirs}"
            );
        }
        for (whole, places) in parts {
            assert_eq!((places, wanted.remove(&whole).is_some()), (1 + 3, true), "{name}: {whole}");
        }
        assert!(wanted.is_empty(), "{name} lacks {wanted:?}");
    }
}
