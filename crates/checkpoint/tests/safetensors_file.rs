//! What is written is read back, and the bytes depend on the content alone.

use std::collections::BTreeMap;
use std::fs;

use checkpoint::Error;
use checkpoint::{Array, Dtype, safetensors_file};

fn arrays() -> Vec<(&'static str, Array)> {
    let half = Array::new(vec![3], Dtype::Bf16, vec![0, 0, 128, 63, 0, 64]).unwrap();
    let count = Array::new(vec![], Dtype::I64, 7_i64.to_le_bytes().to_vec()).unwrap();
    let weight = Array::from_f32(vec![2, 2], &[1.0, -2.0, 3.5, f32::MIN_POSITIVE]).unwrap();
    let empty = Array::from_f32(vec![0, 3], &[]).unwrap();
    vec![("z.half", half), ("count", count), ("fc.weight", weight), ("empty", empty)]
}

fn metadata() -> BTreeMap<String, String> {
    let entries = (0..20).map(|i| (format!("key{i}"), format!("кошка \"{i}\"")));
    entries.collect()
}

#[test]
fn round_trip_and_same_bytes_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one.safetensors"), folder.path().join("new/two.safetensors"));
    let arrays = arrays();
    let digest = safetensors_file::write(&one, arrays.iter().map(|(n, a)| (*n, a)), &metadata()).unwrap();
    let reversed = arrays.iter().rev().map(|(n, a)| (*n, a));
    assert_eq!(safetensors_file::write(&two, reversed, &metadata()).unwrap(), digest);
    let bytes = fs::read(&one).unwrap();
    assert_eq!(bytes, fs::read(&two).unwrap());

    let read = checkpoint::read(&one).unwrap();
    assert_eq!((&read.sha256, &read.metadata), (&digest, &metadata()));
    let expected = arrays.into_iter().map(|(name, array)| (name.to_owned(), array));
    assert_eq!(read.tensors, expected.collect());

    let theirs = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.tensor("fc.weight").unwrap().shape(), [2, 2]);
    let header_length = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert_eq!(header_length % 8, 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn what_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.safetensors");
    let arrays = arrays();
    let twice = [("fc.weight", &arrays[0].1), ("fc.weight", &arrays[1].1)];
    let torn = Array { shape: vec![9], ..arrays[0].1.clone() };
    for bad in [twice.to_vec(), vec![("fc.weight", &torn)]] {
        let error = safetensors_file::write(&path, bad, &BTreeMap::new()).unwrap_err();
        assert!(matches!(&error, Error::Tensor { tensor, .. } if tensor == "fc.weight"), "{error}");
    }
    let none: [(&str, &Array); 0] = [];
    assert!(safetensors_file::write(&path.join("under/a/file"), none, &BTreeMap::new()).is_ok());
    assert!(safetensors_file::write(folder.path(), none, &BTreeMap::new()).is_err());
}
