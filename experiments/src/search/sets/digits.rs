//! The digits of scikit-learn: 1,797 of 8 x 8 pixels with values from 0 to 16 (Alpaydin and Kaynak 1998).

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::sources::{Sources, gunzip, write_pgm};

/// Digits of each class for the test: the last ones of the file.
const TEST: usize = 50;

pub(super) fn make(sources: &Sources<'_>, into: &Path) -> Result<()> {
    let inside = "sklearn/datasets/data/digits.csv.gz";
    let file = sources.wheel("scikit-learn==1.7.2", &[inside])?.join(inside);
    write(&String::from_utf8(gunzip(&file)?).context("digits.csv is no text")?, TEST, into)
}

/// Each line: 64 values and the digit.
fn write(csv: &str, test: usize, into: &Path) -> Result<()> {
    let mut classes: Vec<Vec<Vec<u8>>> = vec![Vec::new(); 10];
    for line in csv.lines().filter(|line| !line.is_empty()) {
        let values: Vec<f64> = line.split(',').map(str::parse).collect::<Result<_, _>>()?;
        let (digit, pixels) = values.split_last().context("an empty line")?;
        ensure!(pixels.len() == 64, "{} values where 64 are a digit", pixels.len());
        let class = classes.get_mut(*digit as usize).context("a digit above 9")?;
        class.push(pixels.iter().map(|value| (value * 255.0 / 16.0).round() as u8).collect());
    }
    for (digit, images) in classes.iter().enumerate() {
        for (number, pixels) in images.iter().enumerate() {
            let split = if number + test < images.len() { "train" } else { "test" };
            write_pgm(&into.join(format!("{split}/{digit}/{number:03}.pgm")), 8, pixels)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_each_class_are_for_the_test_and_16_is_white() {
        let folder = tempfile::tempdir().unwrap();
        let line = |value: u32, digit: u32| {
            let values: Vec<String> = std::iter::repeat_n(value.to_string(), 64).collect();
            format!("{},{digit}\n", values.join(","))
        };
        let csv: String = (0..10).flat_map(|digit| [line(0, digit), line(16, digit)]).collect();
        write(&csv, 1, folder.path()).unwrap();
        let read = |path: &str| std::fs::read(folder.path().join(path)).unwrap();
        assert_eq!(read("train/7/000.pgm").last(), Some(&0));
        assert_eq!(read("test/7/001.pgm").last(), Some(&255));
        assert!(write("1,2,3\n", 1, folder.path()).is_err());
    }
}
