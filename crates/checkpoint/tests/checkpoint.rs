//! What `torch.save` and safetensors write comes back value by value; what is damaged or hostile is an error.
//!
//! The files come from `make_checkpoints.py`, which says what each holds.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use checkpoint::{Checkpoint, Dtype, Format};

fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints");
    folder.join(name)
}

fn read(name: &str) -> Checkpoint {
    checkpoint::read(&fixture(name)).unwrap()
}

fn error_of(path: &Path) -> String {
    checkpoint::read(path).unwrap_err().to_string()
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn every_type_and_view_in_every_form() {
    let forms = [
        ("zip.pth", Format::TorchZip),
        ("legacy.pth", Format::TorchLegacy),
        ("plain.safetensors", Format::SafeTensors),
    ];
    for (name, format) in forms {
        let file = read(name);
        assert_eq!(file.format, format);
        assert_eq!(file.tensors.len(), 18, "{name}");
        let array = |key: &str| &file.tensors[key];
        let f32s = |key: &str| array(key).to_f32().unwrap();
        for (key, dtype) in [("f64", Dtype::F64), ("f16", Dtype::F16), ("bf16", Dtype::Bf16)] {
            let key = format!("type.{key}");
            assert_eq!(array(&key).dtype, dtype);
            assert_eq!(f32s(&key), [0.0, 1.0, 2.0]);
        }
        for key in ["i64", "i32", "i16", "i8", "u8"] {
            let key = format!("type.{key}");
            assert_eq!(array(&key).to_i64().unwrap(), [0, 1, 2]);
            assert!(array(&key).to_f32().is_err());
        }
        assert_eq!(array("type.bool").to_i64().unwrap(), [1, 0, 1]);
        assert_eq!(array("conv.weight").shape, [2, 1, 3]);
        assert_eq!(f32s("conv.weight"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(array("view.transposed").shape, [6, 4]);
        assert_eq!(f32s("view.transposed")[..5], [0.0, 6.0, 12.0, 18.0, 1.0]);
        assert_eq!(f32s("view.strided"), [6.0, 8.0, 10.0, 12.0, 14.0, 16.0]);
        assert_eq!(f32s("view.row"), [18.0, 19.0, 20.0, 21.0, 22.0, 23.0]);
        assert_eq!(f32s("tied.a"), f32s("tied.b"));
        assert_eq!((&array("scalar").shape[..], array("scalar").to_i64().unwrap()), (&[][..], vec![7]));
        assert_eq!((&array("empty").shape[..], array("empty").len()), (&[0, 3][..], 0));
        assert_eq!(f32s("expanded"), [5.0; 6]);
    }
    let metadata = read("plain.safetensors").metadata;
    assert_eq!(metadata["classes"], "cat,dog");
}

#[test]
fn the_tar_form_of_old_torch() {
    let file = read("tar.pth");
    assert_eq!(file.format, Format::TorchTar);
    let weight = &file.tensors["conv.weight"];
    assert_eq!(weight.shape, [2, 1, 3]);
    assert_eq!(weight.to_f32().unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(file.tensors["fc.bias"].to_f32().unwrap(), [0.0, 1.0]);
}

#[test]
fn a_training_checkpoint_is_unwrapped_and_says_so() {
    for name in ["training_zip.pth", "training_legacy.pth"] {
        let file = read(name);
        assert_eq!(file.unwrapped.prefix, "model.");
        let momentum = "optimizer.state.0.momentum_buffer".to_owned();
        assert!(file.unwrapped.unused.contains(&momentum), "{:?}", file.unwrapped);
        let names: Vec<&String> = file.tensors.keys().collect();
        assert_eq!(names, ["fc.bias", "fc.weight"]);
        assert_eq!(file.metadata["epoch"], "7");
        assert_eq!(file.metadata["arch"], "linear");
        assert!(file.skipped.contains(&"args: argparse.Namespace".to_owned()), "{:?}", file.skipped);
    }
}

#[test]
fn the_content_decides_about_the_form() {
    let disguised = tempfile::Builder::new().suffix(".safetensors").tempfile().unwrap();
    fs::copy(fixture("legacy.pth"), disguised.path()).unwrap();
    let file = checkpoint::read(disguised.path()).unwrap();
    assert_eq!(file.format, Format::TorchLegacy);
    assert_eq!(file.sha256, read("legacy.pth").sha256);
}

#[test]
fn a_hostile_pickle_is_named_and_not_executed() {
    for name in ["hostile_zip.pth", "hostile_legacy.pth"] {
        let error = error_of(&fixture(name));
        assert!(error.contains("posix.system"), "{error}");
        assert!(!Path::new("hostile-was-executed").exists());
    }
}

#[test]
fn files_that_are_no_checkpoint_say_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for (bytes, expected) in [
        (&b""[..], "0 bytes"),
        (b"<!DOCTYPE html><html>404", "web page"),
        (b"just some text, long enough to be a header", "first bytes"),
        (b"\x80\x02}q\x00.", "holds no arrays"),
    ] {
        let file = written(bytes);
        let error = error_of(file.path());
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(file.path().to_str().unwrap()), "{error}");
    }
    assert!(error_of(folder.path()).contains("folder"));
    assert!(error_of(&folder.path().join("gone.pth")).contains("gone.pth"));
    assert!(error_of(&fixture("torchscript.pth")).contains("TorchScript"));
    assert!(error_of(&fixture("no_arrays.pth")).contains("no arrays"));
    assert!(error_of(&fixture("list.pth")).contains("no arrays"));
}

#[test]
fn nothing_is_allocated_on_a_files_word() {
    // A view that repeats one value 2^31 times.
    let error = error_of(&fixture("expanded_bomb.pth"));
    assert!(error.contains("\"huge\"") && error.contains("2147483648"), "{error}");
    // Headers that claim exabytes.
    let mut header = u64::MAX.to_le_bytes().to_vec();
    header.extend(b"{\"a\":1}");
    assert!(error_of(written(&header).path()).contains("claims"));
    let json = br#"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}}"#;
    let mut absurd = (json.len() as u64).to_le_bytes().to_vec();
    absurd.extend(json);
    absurd.extend([0; 4]);
    assert!(error_of(written(&absurd).path()).contains("damaged"));
    // A legacy file of nothing but empty lists, which would take a hundred times its size.
    let mut lists = fs::read(fixture("legacy.pth")).unwrap();
    lists.truncate(15);
    lists.extend(vec![b']'; 5_000_000]);
    assert!(error_of(written(&lists).path()).contains("opcodes"));
    // Lists in lists, deeper than any stack.
    let mut nested = fs::read(fixture("legacy.pth")).unwrap();
    nested.truncate(15);
    nested.extend(vec![b']'; 100_000]);
    nested.extend(vec![b'a'; 99_999]);
    nested.push(b'.');
    let error = error_of(written(&nested).path());
    assert!(error.contains("damaged") || error.contains("no arrays"), "{error}");
}

#[test]
fn a_compressed_bomb_is_refused() {
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("bomb/data.pkl", options).unwrap();
    archive.write_all(&vec![b']'; 50 << 20]).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 20);
    assert!(error_of(written(&bytes).path()).contains("52428800 bytes"));
}

/// Cut anywhere or with any byte changed, a file is read or refused: never a panic, a hang or a huge allocation.
#[test]
fn damage_anywhere_is_an_error_at_worst() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    for name in ["zip.pth", "legacy.pth", "tar.pth", "plain.safetensors"] {
        let whole = fs::read(fixture(name)).unwrap();
        let step = whole.len() / 60 + 1;
        for end in (0..whole.len()).step_by(step) {
            fs::write(&path, &whole[..end]).unwrap();
            // The tail of a tar archive is padding.
            if name != "tar.pth" {
                let error = checkpoint::read(&path).expect_err(name).to_string();
                assert!(error.contains("damaged"), "{error}");
            }
        }
        for position in (0..whole.len()).step_by(step) {
            for flip in [0xff, 0x01] {
                let mut bytes = whole.clone();
                bytes[position] ^= flip;
                fs::write(&path, &bytes).unwrap();
                if let Err(error) = checkpoint::read(&path) {
                    let message = error.to_string();
                    assert!(!message.contains("gave up"), "{name} {position}: panicked");
                }
            }
        }
    }
}
