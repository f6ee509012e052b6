//! What an audit found in sentences, the same on the page and in the terminal.

use records::wording::listed;
use records::{AuditRecord, CopyKind, FileProblem, LeakageRecord};

use crate::numbers::{count, counted, percent, points};

/// Every finding in a sentence, the most serious first. One sentence where nothing is wrong.
pub(crate) fn sentences(record: &AuditRecord) -> Vec<String> {
    let mut said = Vec::new();
    let of = |problem: FileProblem| record.files.iter().filter(|file| file.problem == problem).count() as u64;
    if of(FileProblem::Unreadable) > 0 {
        said.push(format!("{} cannot be read.", counted(of(FileProblem::Unreadable), "file")));
    }
    said.extend(leaks(record));
    said.extend(record.leakage.iter().map(leakage));
    said.extend(copies(record));
    said.extend(labels(record));
    if !record.labels_refused.is_empty() {
        said.push(refused(record));
    }
    if of(FileProblem::OtherType) > 0 {
        said.push(format!(
            "{} of another type than their extensions say.",
            are(of(FileProblem::OtherType), "file")
        ));
    }
    if !record.outliers.is_empty() {
        said.push(format!("{} unlike all others.", are(record.outliers.len() as u64, "image")));
    }
    if record.sizes.smaller > 0 {
        let reads = record.sizes.reads;
        said.push(format!(
            "{} smaller than the {reads} x {reads} pixels that the network reads, and enlarged.",
            are(record.sizes.smaller, "image")
        ));
    }
    said.extend(balance(record));
    if said.is_empty() {
        said.push("Nothing was found.".to_owned());
    }
    said
}

/// Why no label is called wrong.
pub(crate) fn refused(record: &AuditRecord) -> String {
    let what = if record.labels.is_empty() { "judged" } else { "called wrong" };
    format!("No label was {what}: {}.", record.labels_refused)
}

/// Copies of measured images among the training images.
fn leaks(record: &AuditRecord) -> Vec<String> {
    let crossing = record.leaks.iter().filter(|leak| leak.splits[0] != leak.splits[1]);
    let sentence = |leak: &records::LeakRecord| {
        let (verb, noun) = if leak.images == 1 { ("has", "image") } else { ("have", "images") };
        format!("{} {} {noun} {verb} a copy in {}.", count(leak.images), leak.splits[1], leak.splits[0])
    };
    crossing.map(sentence).collect()
}

/// What the copies are worth.
pub(crate) fn leakage(leakage: &LeakageRecord) -> String {
    let interval = leakage.interval.map_or_else(String::new, |interval| {
        format!(" (95% interval {} to {})", points(interval.low), points(interval.high))
    });
    format!(
        "The copies are worth {} points of {} accuracy to a linear probe{interval}: {} with them among the training images, {} without, on {}.",
        points(leakage.with - leakage.without),
        leakage.split,
        percent(leakage.with),
        percent(leakage.without),
        counted(leakage.images, "image")
    )
}

fn copies(record: &AuditRecord) -> Option<String> {
    let within: Vec<_> = record.copies.iter().filter(|copy| copy.splits[0] == copy.splits[1]).collect();
    if within.is_empty() {
        return None;
    }
    let exact = within.iter().filter(|copy| copy.kind != CopyKind::Near).count() as u64;
    let near = within.len() as u64 - exact;
    let differ =
        |copy: &&&records::CopyRecord| matches!(&copy.labels, [Some(one), Some(other)] if one != other);
    let other = within.iter().filter(differ).count() as u64;
    let labels = if other > 0 { format!(", {} under two labels", count(other)) } else { String::new() };
    Some(format!(
        "{} within a split: {} exact, {} edited{labels}.",
        pairs(exact + near),
        count(exact),
        count(near)
    ))
}

fn labels(record: &AuditRecord) -> Vec<String> {
    let flagged = record.labels.iter().filter(|label| label.flagged).count() as u64;
    let mut said = Vec::new();
    if flagged > 0 {
        said.push(format!(
            "{} of {} training images likely have a wrong label.",
            count(flagged),
            count(record.labels.len() as u64)
        ));
    }
    let held_out = record.held_out_labels.iter().filter(|label| label.flagged).count() as u64;
    if held_out > 0 {
        said.push(format!(
            "{} of {} images that are measured on likely have a wrong label.",
            count(held_out),
            count(record.held_out_labels.len() as u64)
        ));
    }
    if let Some(pair) = record.mistakes.first().filter(|_| record.classes.len() > 2) {
        said.push(format!("Most often {} is labelled {}.", pair.likely, pair.label));
    }
    said
}

/// Classes with few images.
fn balance(record: &AuditRecord) -> Vec<String> {
    let mut said = Vec::new();
    if !record.small_classes.is_empty() {
        let names: Vec<&str> = record.small_classes.iter().take(8).map(String::as_str).collect();
        said.push(format!("Too few training images to judge labels: {}.", listed(&names)));
    }
    let Some(train) = record.splits.iter().find(|split| split.split == "train") else { return said };
    let most = (0..train.classes.len()).max_by_key(|&class| train.classes[class]);
    let least = (0..train.classes.len()).min_by_key(|&class| train.classes[class]);
    if let (Some(most), Some(least)) = (most, least)
        && train.classes[most] >= 3 * train.classes[least].max(1)
    {
        let name = |class: usize| record.classes.get(class).map_or("", String::as_str);
        said.push(format!(
            "The classes are uneven: {} has {} training images, {} has {}.",
            name(most),
            count(train.classes[most]),
            name(least),
            count(train.classes[least])
        ));
    }
    said
}

fn are(number: u64, noun: &str) -> String {
    format!("{} {}", counted(number, noun), if number == 1 { "is" } else { "are" })
}

/// What a kind of image is called.
pub(crate) fn kind_in_words(kind: &str) -> &'static str {
    match kind {
        "turned" => "turned or mirrored by their EXIF or XMP data, which other programs may not follow",
        "16-bit" => "of 16 bits a sample",
        "cmyk" => "of four inks (CMYK)",
        "alpha" => "with transparency, which is dropped",
        "animated" => "with further frames or pages, of which the first is read",
        _ => "of another kind",
    }
}

fn pairs(number: u64) -> String {
    if number == 1 { "1 pair of copies".to_owned() } else { format!("{} pairs of copies", count(number)) }
}
