//! Fashion-MNIST (Xiao, Rasul and Vollgraf 2017) out of the Debian package `dataset-fashion-mnist`, as an image folder.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::sources::{Sources, gunzip};

const PACKAGE: &str = "dataset-fashion-mnist";
/// Where the package puts its files.
const FILES: &str = "usr/share/datasets/fashion-mnist";
const CLASSES: [&str; 10] =
    ["top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"];
/// Images of each class that seeds draw from.
const TRAIN: u32 = 200;
/// Images of each class for the test.
const TEST: u32 = 100;

/// The first images of each class of both splits.
pub(super) fn make(sources: &Sources<'_>, into: &Path) -> Result<()> {
    let files = sources.debian(PACKAGE, &[PACKAGE])?.join(FILES);
    for (split, name, count) in [("train", "train", TRAIN), ("test", "t10k", TEST)] {
        let images = gunzip(&files.join(format!("{name}-images-idx3-ubyte.gz")))?;
        let labels = gunzip(&files.join(format!("{name}-labels-idx1-ubyte.gz")))?;
        write(&into.join(split), &images, &labels, count)?;
    }
    Ok(())
}

/// Writes the first `per_class` images of each class of an IDX file as PGM.
fn write(folder: &Path, images: &[u8], labels: &[u8], per_class: u32) -> Result<()> {
    let (count, side) = header(images, labels)?;
    for class in CLASSES {
        fs::create_dir_all(folder.join(class))
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut left = [per_class; CLASSES.len()];
    let pixels = images[16..].chunks_exact(side * side);
    for (number, (pixels, &label)) in pixels.zip(&labels[8..]).take(count).enumerate() {
        let label = usize::from(label);
        let (Some(left), Some(class)) = (left.get_mut(label), CLASSES.get(label)) else {
            bail!("the labels of {PACKAGE} hold {label}, and there are ten classes")
        };
        if *left > 0 {
            *left -= 1;
            let path = folder.join(class).join(format!("{number:05}.pgm"));
            let image = [format!("P5 {side} {side} 255\n").as_bytes(), pixels].concat();
            fs::write(&path, image).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// Images and side of a pair of IDX files: four big-endian numbers before the pixels, two before the labels.
fn header(images: &[u8], labels: &[u8]) -> Result<(usize, usize)> {
    let number = |bytes: &[u8], place: usize| -> Result<usize> {
        let word = bytes.get(4 * place..4 * place + 4).context("an IDX file ends within its header")?;
        Ok(usize::try_from(u32::from_be_bytes(word.try_into()?))?)
    };
    let (count, height, width) = (number(images, 1)?, number(images, 2)?, number(images, 3)?);
    let fits = number(images, 0)? == 0x803 && number(labels, 0)? == 0x801 && height == width;
    let whole = images.len() == 16 + count * height * width && labels.len() == 8 + count;
    ensure!(fits && whole, "the files of {PACKAGE} are not in the form of MNIST");
    Ok((count, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_images_of_each_class_are_written() {
        let word = |number: u32| number.to_be_bytes().to_vec();
        let images = [word(0x803), word(3), word(2), word(2), (0..12).collect()].concat();
        let labels = [word(0x801), word(3), vec![9, 0, 9]].concat();
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &images, &labels, 1).unwrap();
        let boot = fs::read(folder.path().join("boot/00000.pgm")).unwrap();
        assert_eq!(boot, b"P5 2 2 255\n\x00\x01\x02\x03");
        assert!(folder.path().join("top/00001.pgm").is_file());
        assert!(!folder.path().join("boot/00002.pgm").exists());
        assert!(write(folder.path(), &images[..20], &labels, 1).is_err());
        assert!(write(folder.path(), &[], &[], 1).is_err());
    }
}
