//! Recognises the format of a file by its first bytes, and describes a file of another format.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::{Error, Format};

/// Bytes that show the format: the tar magic ends at 262.
const HEAD: u64 = 512;
const TAR_MAGIC: (usize, &[u8]) = (257, b"ustar");
/// The number 0x1950a86a20f9469cfc6c, little endian, that opens a file of torch 0.1.10 to 1.5.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The magic stands in the first pickle, behind at most a protocol and a frame.
const LEGACY_MAGIC_WITHIN: usize = 32;

/// How weights are saved so that this program reads them; ends most refusals.
const HOW: &str = "load it in Python and save `model.state_dict()` with torch.save or safetensors";

/// Opens a file for reading.
///
/// # Errors
/// [`Error::Io`]; [`Error::NotACheckpoint`] for a folder, with the file in it to name.
pub(crate) fn open_file(path: &Path) -> Result<File, Error> {
    let file = File::open(path).map_err(files::Error::io("open", path))?;
    let kind = file.metadata().map_err(files::Error::io("read", path))?;
    if kind.is_dir() {
        let found = describe_folder(path);
        return Err(Error::NotACheckpoint { path: path.to_path_buf(), found });
    }
    Ok(file)
}

/// The form of `file`, which is left at its start.
pub(super) fn format_of(path: &Path, file: &mut File) -> Result<Format, Error> {
    let mut head = Vec::new();
    file.take(HEAD)
        .read_to_end(&mut head)
        .and_then(|_| file.seek(SeekFrom::Start(0)))
        .map_err(files::Error::io("read", path))?;
    format_of_head(&head)
        .ok_or_else(|| Error::NotACheckpoint { path: path.to_path_buf(), found: describe(&head) })
}

pub(super) fn format_of_head(head: &[u8]) -> Option<Format> {
    let legacy_window = &head[..head.len().min(LEGACY_MAGIC_WITHIN)];
    let contains_magic = |window: &[u8]| window == LEGACY_MAGIC;
    let tar = head.get(TAR_MAGIC.0..TAR_MAGIC.0 + TAR_MAGIC.1.len());
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        Some(Format::TorchZip)
    } else if tar == Some(TAR_MAGIC.1) {
        Some(Format::TorchTar)
    } else if legacy_window.windows(LEGACY_MAGIC.len()).any(contains_magic) {
        Some(Format::TorchLegacy)
    } else if head.get(5..9) == Some(b"\0\0\0{") {
        // The length of the header comes first, and may begin as a pickle does.
        Some(Format::SafeTensors)
    } else if matches!(head, [0x80, 2..=5, ..]) {
        Some(Format::Pickle)
    } else if head.get(8) == Some(&b'{') {
        Some(Format::SafeTensors)
    } else {
        None
    }
}

/// Says what a file that is no checkpoint looks like, and what to do.
fn describe(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head).trim_start().to_lowercase();
    let at = |place: usize, magic: &[u8]| head.get(place..place + magic.len()) == Some(magic);
    let holds = |word: &str| text.contains(word);
    let plain = |found: &str| found.to_owned();
    let saved_by = |what: &str| format!("it is {what}; {HOW}");
    let web = ["<!doctype", "<html", "<?xml", "<head"].iter().any(|start| text.starts_with(start));
    match () {
        () if head.is_empty() => plain("it is empty (0 bytes); fetch it again"),
        () if web => {
            plain("it is a web page, probably a server's error page saved under this name; fetch it again")
        }
        () if text.starts_with("version https://git-lfs") => {
            plain("it is a Git LFS pointer, not the file itself; run `git lfs pull`")
        }
        () if text.starts_with('{') && holds("weight_map") => {
            plain("it is the index of weights that lie in several files; save them in one file")
        }
        () if text.starts_with('{') => {
            plain("it is JSON, a configuration perhaps; the weights are another file")
        }
        () if at(0, b"\x89HDF") => {
            saved_by("an HDF5 file, as Keras writes weights, whose networks are others")
        }
        () if at(0, b"\x93NUMPY") => saved_by("one array of numpy (.npy)"),
        () if at(4, b"TFL3") => saved_by("a TensorFlow Lite model"),
        () if at(0, b"GGUF") => saved_by("a GGUF file of a language model"),
        () if at(0, b"ftrt") || at(0, b"ptrt") => {
            saved_by("an engine of TensorRT, which holds no weights to train")
        }
        () if at(4, b"ET12") => saved_by("a program of ExecuTorch, which holds no weights to train"),
        () if matches!(head, [0x08, 1..=20, 0x12, ..]) || holds("onnx") || holds("ir_version") => {
            saved_by("an ONNX model, or another protocol buffer; it holds a graph and names of its own")
        }
        () if at(0, b"\x1f\x8b") => plain("it is compressed with gzip; unpack it first (gunzip)"),
        () if at(0, b"BZh")
            || at(0, b"\xfd7zXZ")
            || at(0, b"7z\xbc\xaf")
            || at(0, b"Rar!")
            || at(0, b"\x28\xb5\x2f\xfd") =>
        {
            plain("it is a compressed archive; unpack it first")
        }
        () if at(0, b"\xff\xd8\xff") || at(0, b"\x89PNG") || at(0, b"GIF8") || at(8, b"WEBP") => {
            plain("it is an image; weights are a .pth or .safetensors file")
        }
        () if at(0, b"\x7fELF") || at(0, b"MZ") => {
            plain("it is a program; weights are a .pth or .safetensors file")
        }
        () if text.starts_with("model_checkpoint_path") => {
            saved_by("the list of a TensorFlow checkpoint, whose networks are others")
        }
        () => plain("its first bytes are neither a zip, tar or pickle file of torch.save nor safetensors"),
    }
}

/// What a zip archive is that has pickles but is no file of `torch.save`.
pub(super) fn describe_zip(names: &[String]) -> Option<String> {
    let has = |end: &str| names.iter().any(|name| name.ends_with(end));
    if has("/constants.pkl") || has("/code/__torch__.py") {
        return Some(
            "it is a TorchScript archive (torch.jit.save); save `model.state_dict()` with torch.save instead"
                .to_owned(),
        );
    }
    let exported = [
        "serialized_exported_program.json",
        "serialized_exported_program.pt",
        "models/model.json",
        "archive_format",
    ];
    exported.iter().any(|name| has(name)).then(|| {
        "it is an exported program (torch.export.save); save `model.state_dict()` with torch.save instead"
            .to_owned()
    })
}

/// What a zip archive is that `torch.save` did not write.
pub(super) fn describe_foreign_zip(names: &[String]) -> String {
    let has = |end: &str| names.iter().find(|name| name.ends_with(end));
    let inner = [".pth", ".pt", ".ckpt", ".safetensors", ".bin", ".tar"].iter().find_map(|end| has(end));
    match () {
        () if has(".weights.h5").is_some()
            || has("config.json").is_some() && has("metadata.json").is_some() =>
        {
            format!("it is a Keras model (.keras), whose networks are others; {HOW}")
        }
        () if has(".npy").is_some() => format!("it holds arrays of numpy (.npz); {HOW}"),
        () if has("saved_model.pb").is_some() => format!("it holds a TensorFlow model; {HOW}"),
        () if has(".mlmodel").is_some() => format!("it holds a Core ML model; {HOW}"),
        () => match inner {
            Some(name) => format!("it is a zip archive that holds {name}; unpack it and name that file"),
            None => "it is a zip archive, but torch.save did not write it: it has no data.pkl".to_owned(),
        },
    }
}

/// What a folder is, and which file in it to name.
pub(super) fn describe_folder(path: &Path) -> String {
    let names = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        names.take(1000).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let ends = [".safetensors", ".pth", ".pt", ".ckpt", ".bin"];
    let file = names.iter().find(|name| ends.iter().any(|end| name.ends_with(end)));
    match file {
        _ if names.iter().any(|name| name == "saved_model.pb") => {
            format!("it is a model of TensorFlow; {HOW}")
        }
        _ if names.iter().any(|name| name == "data.pkl") => {
            "it is a file of torch.save that was unpacked; pack it again (zip -0) or fetch it again"
                .to_owned()
        }
        Some(name) => format!("it is a folder; give the file itself, such as {name}"),
        None => "it is a folder; give the file itself".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_not_the_name() {
        let mut tar = vec![0; 257];
        tar.extend(b"ustar");
        assert_eq!(format_of_head(&tar), Some(Format::TorchTar));
        assert_eq!(format_of_head(b"PK\x03\x04...."), Some(Format::TorchZip));
        assert_eq!(format_of_head(b"\x40\0\0\0\0\0\0\0{\"a\""), Some(Format::SafeTensors));
        assert_eq!(format_of_head(b"\x80\x04\x95...."), Some(Format::Pickle));
        // A header of 0x480 bytes.
        assert_eq!(format_of_head(b"\x80\x04\0\0\0\0\0\0{\"a\""), Some(Format::SafeTensors));
        assert_eq!(format_of_head(b"\x80\x04\x95\x7b\0\0\0\0\0\0\0}"), Some(Format::Pickle));
        assert_eq!(format_of_head(b"PK"), None);
    }

    #[test]
    fn files_of_other_tools_are_named() {
        for (head, expected) in [
            (&b"\n<!DOCTYPE html>"[..], "web page"),
            (b"", "0 bytes"),
            (b"\x89HDF\r\n\x1a\n", "Keras"),
            (b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:", "ONNX"),
            (b"\x93NUMPY\x01\0", "numpy"),
            (b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
            (b"{\"weight_map\": {}}", "several files"),
            (b"\x1f\x8b\x08", "gunzip"),
            (b"\xff\xd8\xff\xe0", "image"),
        ] {
            let found = describe(head);
            assert!(found.contains(expected), "{found}");
        }
        let of =
            |names: &[&str]| describe_foreign_zip(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(of(&["a.npy"]).contains("numpy"));
        assert!(of(&["config.json", "metadata.json", "model.weights.h5"]).contains("Keras"));
        assert!(of(&["runs/best.pth"]).contains("runs/best.pth"));
        assert!(of(&["a.txt"]).contains("data.pkl"));
    }
}
