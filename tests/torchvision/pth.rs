//! A state dict as `torch.save` writes it, so that tests have a `.pth` of any size without Python.
//!
//! The pickle is what `torch.save` of torch 2.11 makes of an `OrderedDict` of contiguous tensors, without its memo. The
//! real thing is compared by `check_predict.py`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use crate::generator;

/// A contiguous tensor: `float32`, or one `int64`.
pub(crate) enum Values {
    Float(Vec<f32>),
    Count(i64),
}

/// Name, shape and values.
pub(crate) type Named = (String, Vec<i64>, Values);

#[derive(Deserialize)]
struct Golden {
    gain: f64,
    state_dict: Vec<(String, Vec<i64>, String)>,
}

/// The folder of TorchVision's numbers.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/torchvision")
}

/// A network's tensors as the generator fills them, without what is the same in every network of its kind.
pub(crate) fn filled(arch: &str) -> Vec<Named> {
    let text = std::fs::read_to_string(folder().join(format!("golden/{arch}.json"))).unwrap();
    let golden: Golden = serde_json::from_str(&text).unwrap();
    let constant =
        |name: &str| name.ends_with("relative_position_index") || name.ends_with("relative_coords_table");
    let saved = golden.state_dict.into_iter().filter(|(name, ..)| !constant(name));
    let named = saved.map(|(name, shape, kind)| {
        let values = if kind == "int64" {
            Values::Count(generator::batches_tracked(&name))
        } else {
            Values::Float(generator::values(&name, &shape, golden.gain).unwrap())
        };
        (name, shape, values)
    });
    named.collect()
}

/// Since torch 1.6: a zip archive of a pickle and the values.
pub(crate) fn write_zip(path: &Path, tensors: &[Named]) {
    write_zip_under(path, &[], tensors, &[]);
}

/// The same with the tensors under these keys, one within the other, and next to them in the outermost dictionary other
/// keys with objects, each as a pickle without its end.
pub(crate) fn write_zip_under(path: &Path, keys: &[&str], tensors: &[Named], extra: &[(&str, &[u8])]) {
    let mut archive = zip::ZipWriter::new(BufWriter::new(File::create(path).unwrap()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut add = |name: String, content: &[u8]| {
        archive.start_file(format!("archive/{name}"), options).unwrap();
        archive.write_all(content).unwrap();
    };
    let reference = |key: usize, count: usize| storage(&tensors[key].2, key, count, b"");
    add("data.pkl".to_owned(), &under(keys, &state_dict(tensors, reference), extra));
    add("byteorder".to_owned(), b"little");
    for (key, (.., values)) in tensors.iter().enumerate() {
        add(format!("data/{key}"), &values.bytes());
    }
    add("version".to_owned(), b"3\n");
    archive.finish().unwrap().flush().unwrap();
}

/// torch 0.1.10 to 1.5: five pickles, then each storage's length and values.
pub(crate) fn write_legacy(path: &Path, tensors: &[Named]) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let mut write = |content: &[u8]| file.write_all(content).unwrap();
    write(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."); // the magic number
    write(b"\x80\x02M\xe9\x03."); // protocol 1001
    let mut system = b"\x80\x02}(".to_vec();
    system.extend(text("little_endian"));
    system.push(b'\x88');
    system.extend(b"u.");
    write(&system);
    let reference = |key: usize, count: usize| storage(&tensors[key].2, key, count, b"N");
    write(&state_dict(tensors, reference));
    let mut keys = b"\x80\x02](".to_vec();
    (0..tensors.len()).for_each(|key| keys.extend(text(&key.to_string())));
    keys.extend(b"e.");
    write(&keys);
    for (.., values) in tensors {
        let bytes = values.bytes();
        write(&(values.count() as u64).to_le_bytes());
        write(&bytes);
    }
    file.flush().unwrap();
}

impl Values {
    fn count(&self) -> usize {
        match self {
            Self::Float(values) => values.len(),
            Self::Count(_) => 1,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Float(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Count(count) => count.to_le_bytes().to_vec(),
        }
    }
}

/// Pickle of `{key: {..: value}, extra: object}`, of the pickle of a value.
fn under(keys: &[&str], value: &[u8], extra: &[(&str, &[u8])]) -> Vec<u8> {
    let inner = &value[2..value.len() - 1]; // without protocol and end
    let mut pickle = b"\x80\x02".to_vec();
    for key in keys {
        pickle.extend(b"}(");
        pickle.extend(text(key));
    }
    pickle.extend(inner);
    for depth in (0..keys.len()).rev() {
        for (key, object) in extra.iter().filter(|_| depth == 0) {
            pickle.extend(text(key));
            pickle.extend(*object);
        }
        pickle.push(b'u');
    }
    pickle.push(b'.');
    pickle
}

/// Pickle of `OrderedDict([(name, _rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict())), ...])`.
fn state_dict(tensors: &[Named], storage: impl Fn(usize, usize) -> Vec<u8>) -> Vec<u8> {
    let mut pickle = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (key, (name, shape, values)) in tensors.iter().enumerate() {
        pickle.extend(text(name));
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n(");
        pickle.extend(storage(key, values.count()));
        pickle.extend(b"QK\x00");
        pickle.extend(tuple(shape));
        pickle.extend(tuple(&strides(shape)));
        pickle.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    pickle.extend(b"u.");
    pickle
}

/// `("storage", torch.FloatStorage, key, "cpu", count)`, and in the legacy form one element more.
fn storage(values: &Values, key: usize, count: usize, more: &[u8]) -> Vec<u8> {
    let mut pickle = b"(".to_vec();
    pickle.extend(text("storage"));
    pickle.extend(match values {
        Values::Float(_) => b"ctorch\nFloatStorage\n".as_slice(),
        Values::Count(_) => b"ctorch\nLongStorage\n",
    });
    pickle.extend(text(&key.to_string()));
    pickle.extend(text("cpu"));
    pickle.extend(integer(count as i64));
    pickle.extend(more);
    pickle.push(b't');
    pickle
}

fn strides(shape: &[i64]) -> Vec<i64> {
    (0..shape.len()).map(|place| shape[place + 1..].iter().product()).collect()
}

fn tuple(numbers: &[i64]) -> Vec<u8> {
    let mut pickle = b"(".to_vec();
    numbers.iter().for_each(|&number| pickle.extend(integer(number)));
    pickle.push(b't');
    pickle
}

fn integer(number: i64) -> Vec<u8> {
    let mut pickle = b"J".to_vec();
    pickle.extend(i32::try_from(number).unwrap().to_le_bytes());
    pickle
}

fn text(text: &str) -> Vec<u8> {
    let mut pickle = b"X".to_vec();
    pickle.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    pickle.extend(text.as_bytes());
    pickle
}
