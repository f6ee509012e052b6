use std::path::Path;

use copies::{Examined, Reading};
use image_file::Format;
use records::{
    AuditedSplitRecord, ExtremeRecord, FileProblem, FileProblemRecord, KindRecord, SizeBinRecord, SizesRecord,
};

use crate::{Part, Subject};

/// Examples of a kind that are named.
const EXAMPLES: usize = 10;
/// Longer side over the shorter one from which a shape is extreme.
const EXTREME: u64 = 3;
/// Extreme shapes that are named.
const NAMED: usize = 50;

/// Counts the images of each split and class.
pub(crate) fn splits(subject: &Subject) -> Vec<AuditedSplitRecord> {
    let of = |part: Part| {
        let mut record = AuditedSplitRecord {
            split: part.name().to_owned(),
            classes: vec![0; subject.classes.len()],
            unreadable: 0,
        };
        let images = subject.images.iter().zip(&subject.examined).filter(|(image, _)| image.part == part);
        for (image, examined) in images {
            match examined.reading {
                Reading::Image(_) => record.classes[image.label] += 1,
                Reading::Unreadable(_) => record.unreadable += 1,
            }
        }
        record
    };
    let all = Part::ALL.map(of).into_iter();
    all.filter(|split| split.unreadable > 0 || split.classes.iter().any(|&images| images > 0)).collect()
}

/// Names the files that cannot be read, and those that are of another type than they are called.
pub(crate) fn problems(subject: &Subject) -> Vec<FileProblemRecord> {
    let mut problems = Vec::new();
    for (image, examined) in subject.images.iter().zip(&subject.examined) {
        let found = match &examined.reading {
            Reading::Unreadable(reason) => Some((FileProblem::Unreadable, reason.clone())),
            Reading::Image(_) => {
                other_type(&image.path, examined).map(|reason| (FileProblem::OtherType, reason))
            }
        };
        if let Some((problem, reason)) = found {
            problems.push(FileProblemRecord {
                path: image.below.clone(),
                split: image.part.name().to_owned(),
                sha256: examined.sha256.map(hex::encode),
                problem,
                reason,
            });
        }
    }
    problems
}

/// Says what a file is that is called something else.
fn other_type(path: &Path, examined: &Examined) -> Option<String> {
    let format = examined.facts?.format;
    let extension = path.extension()?.to_string_lossy().to_lowercase();
    let called = match extension.as_str() {
        "jpg" | "jpeg" | "jpe" | "jfif" | "jif" => Format::Jpeg,
        "png" | "apng" => Format::Png,
        "gif" => Format::Gif,
        "bmp" => Format::Bmp,
        "tif" | "tiff" => Format::Tiff,
        "webp" => Format::WebP,
        "ppm" | "pgm" | "pbm" | "pnm" => Format::Pnm,
        _ => return None,
    };
    (called != format).then(|| format!("a {} file that is called .{extension}", format.name()))
}

/// Counts the images that other programs often read otherwise.
pub(crate) fn kinds(subject: &Subject) -> Vec<KindRecord> {
    let of = |kind: &str, has: fn(&image_file::Facts) -> bool| {
        let paths: Vec<&String> = subject
            .images
            .iter()
            .zip(&subject.examined)
            .filter(|(_, examined)| examined.fingerprint().is_some())
            .filter(|(_, examined)| examined.facts.as_ref().is_some_and(has))
            .map(|(image, _)| &image.below)
            .collect();
        let examples = paths.iter().take(EXAMPLES).copied().cloned().collect();
        KindRecord { kind: kind.to_owned(), images: paths.len() as u64, examples }
    };
    let all = [
        of("turned", |facts| facts.turned),
        of("16-bit", |facts| facts.sixteen_bit),
        of("cmyk", |facts| facts.cmyk),
        of("alpha", |facts| facts.alpha),
        of("animated", |facts| facts.animated),
    ];
    all.into_iter().filter(|kind| kind.images > 0).collect()
}

/// Counts sizes and names extreme shapes.
pub(crate) fn sizes(subject: &Subject) -> SizesRecord {
    let prints = subject.images.iter().zip(&subject.examined);
    let prints = prints.filter_map(|(image, examined)| Some((image, examined.fingerprint()?)));
    let (mut smaller, mut extreme) = (0, Vec::new());
    let mut bins: Vec<SizeBinRecord> = Vec::new();
    for (image, print) in prints {
        let (shorter, longer) = (print.width.min(print.height), print.width.max(print.height));
        smaller += u64::from(shorter < subject.reads);
        // Each bin is twice as wide as the one before: 32, 64, 128, ...
        let from: u32 = if shorter < 32 { 0 } else { 1 << shorter.ilog2() };
        let below = if shorter < 32 { 32 } else { from.saturating_mul(2) };
        match bins.iter_mut().find(|bin| bin.from == from) {
            Some(bin) => bin.images += 1,
            None => bins.push(SizeBinRecord { from, below, images: 1 }),
        }
        if u64::from(longer) >= EXTREME * u64::from(shorter) {
            let (width, height) = (print.width, print.height);
            extreme.push(ExtremeRecord { path: image.below.clone(), width, height });
        }
    }
    bins.sort_by_key(|bin| bin.from);
    let ratio = |shape: &ExtremeRecord| {
        f64::from(shape.width.max(shape.height)) / f64::from(shape.width.min(shape.height).max(1))
    };
    extreme.sort_by(|one, other| ratio(other).total_cmp(&ratio(one)).then(one.path.cmp(&other.path)));
    extreme.truncate(NAMED);
    SizesRecord { reads: subject.reads, smaller, bins, extreme }
}
