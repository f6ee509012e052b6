//! Solar cells by electroluminescence (Buerhop-Lutz et al. 2018; Deitsch et al. 2019): 2,624 photographs of 300 x 300.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::drawing::shuffled_by_name;
use super::sources::{Sources, copy};

/// Cells of each class for the test.
const TEST: usize = 300;

/// Certainly functional against certainly defective.
pub(super) fn defect(sources: &Sources<'_>, into: &Path) -> Result<()> {
    make(sources, into, |cell| match cell.defect {
        "0.0" => Some("functional"),
        "1.0" => Some("defective"),
        _ => None,
    })
}

/// Monocrystalline against polycrystalline.
pub(super) fn kind(sources: &Sources<'_>, into: &Path) -> Result<()> {
    make(sources, into, |cell| match cell.kind {
        "mono" => Some("mono"),
        "poly" => Some("poly"),
        _ => None,
    })
}

/// A line of the labels.
struct Cell<'a> {
    path: &'a str,
    defect: &'a str,
    kind: &'a str,
}

fn make(sources: &Sources<'_>, into: &Path, class: impl Fn(&Cell<'_>) -> Option<&'static str>) -> Result<()> {
    let data = sources.wheel("elpv-dataset==1.0.0.post1", &["elpv_dataset/data"])?.join("elpv_dataset/data");
    let labels = data.join("labels.csv");
    let text = fs::read_to_string(&labels).with_context(|| format!("cannot read {}", labels.display()))?;
    let cells: Vec<Cell<'_>> = text.lines().filter_map(cell).collect();
    let mut classes: Vec<&str> = cells.iter().filter_map(&class).collect();
    classes.sort_unstable();
    classes.dedup();
    for name in classes {
        let of_class = cells.iter().filter(|cell| class(cell) == Some(name)).map(|cell| cell.path.to_owned());
        for (place, path) in shuffled_by_name(of_class.collect()).iter().enumerate() {
            let split = if place < TEST { "test" } else { "train" };
            let file = path.rsplit('/').next().unwrap_or(path);
            copy(&data.join(path), &into.join(split).join(name).join(file))?;
        }
    }
    Ok(())
}

/// `images/cell0001.png  1.0  mono`.
fn cell(line: &str) -> Option<Cell<'_>> {
    let mut words = line.split_whitespace();
    Some(Cell { path: words.next()?, defect: words.next()?, kind: words.next()? })
}
