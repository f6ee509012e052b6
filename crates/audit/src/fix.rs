use std::collections::BTreeMap;
use std::fmt::Write;

use copies::groups;
use records::{AuditRecord, CopyKind, CopyRecord, FileProblem, LabelRecord};

use crate::{Part, Subject};

/// A list of corrections, as `data.exclude` reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The file.
    pub text: String,
    /// Number of images that it leaves out.
    pub excluded: usize,
    /// Number of groups that it keeps together.
    pub together: usize,
    /// Number of proposals, which are commented out.
    pub proposed: usize,
}

/// Proposals of a kind that are written.
const MOST: usize = 500;

/// Writes a list of corrections. Active is what is certain: files that cannot be read; exact copies within a split, of which
/// the first stays; of copies in two splits the one that is trained on; and, where the program splits validation off itself,
/// that edited copies stay together. Everything else is a proposal, commented out. No image of a test split is left out.
#[must_use]
pub fn fix(subject: &Subject, record: &AuditRecord) -> Fix {
    let mut list = List::new(subject);
    for file in record.files.iter().filter(|file| file.problem == FileProblem::Unreadable) {
        list.exclude(
            &file.path,
            &format!("cannot be read: {}", file.reason),
            file.split != Part::Test.name(),
        );
    }
    list.exact_copies(record);
    for copy in record.copies.iter().filter(|copy| copy.splits[0] != copy.splits[1]) {
        let trained = copy.splits[0] == Part::Train.name();
        list.exclude(&copy.a, &format!("{} {}: {}", same(copy), copy.b, copy.how), trained && copy.certain);
    }
    let together = if record.splits_itself { list.together(record) } else { Vec::new() };
    let Entries { active, proposed } = list.entries();
    let mut text = HEAD.to_owned();
    for (path, because) in &active {
        text.push_str(&list.entry(path, because));
    }
    for group in &together {
        let paths: Vec<String> = group.iter().map(|path| quoted(path)).collect();
        let _ = write!(text, "[[together]]\npaths = [{}]\n\n", paths.join(", "));
    }
    let mut proposals: Vec<String> =
        proposed.iter().take(MOST).map(|(path, because)| list.entry(path, because)).collect();
    let labels: Vec<&LabelRecord> = record
        .labels
        .iter()
        .chain(record.held_out_labels.iter().filter(|label| {
            list.places.get(&label.path).is_some_and(|&place| subject.images[place].part != Part::Test)
        }))
        .filter(|label| label.flagged && !active.contains_key(&label.path))
        .collect();
    let outliers: Vec<_> =
        record.outliers.iter().filter(|outlier| !active.contains_key(&outlier.path)).collect();
    let beyond: usize =
        [proposed.len(), labels.len(), outliers.len()].iter().map(|found| found.saturating_sub(MOST)).sum();
    proposals.extend(labels.iter().take(MOST).map(|label| list.relabel(label)));
    proposals.extend(outliers.iter().take(MOST).map(|outlier| {
        let because = format!("unlike all others: {:.1} times as far from them as usual", outlier.distance);
        list.entry(&outlier.path, &because)
    }));
    if !proposals.is_empty() {
        text.push_str("# Proposals. Look first; then remove the # in front of those that are right.\n\n");
        text.extend(proposals.iter().map(|proposal| commented(proposal)));
        if beyond > 0 {
            let _ = writeln!(text, "# {beyond} more are not written: audit.json has them all.");
        }
    }
    Fix { text, excluded: active.len(), together: together.len(), proposed: proposals.len() }
}

const HEAD: &str = "# Written by finetune audit --fix. data.exclude = \"THIS FILE\" honours it. No image is moved or deleted.\n\n";

/// Entries of a list in the making.
struct List<'a> {
    subject: &'a Subject,
    places: BTreeMap<String, usize>,
    /// Why each image is left out, and whether that is certain.
    found: BTreeMap<String, (String, bool)>,
}

/// The image of a group whose label is the most probable; the first where no label was judged.
fn most_probable<'a>(record: &AuditRecord, group: &[usize], path: impl Fn(usize) -> &'a str) -> usize {
    let probability = |place: usize| {
        record
            .labels
            .iter()
            .chain(&record.held_out_labels)
            .find(|label| label.path == path(place))
            .map_or(0.0, |label| label.probability)
    };
    let best = group.iter().rev().max_by(|&&one, &&other| probability(one).total_cmp(&probability(other)));
    best.copied().unwrap_or(group[0])
}

/// Entries that are in force, and others; each path with its reason.
struct Entries {
    active: BTreeMap<String, String>,
    proposed: BTreeMap<String, String>,
}

impl<'a> List<'a> {
    fn new(subject: &'a Subject) -> Self {
        let places = subject.images.iter().zip(0..).map(|(image, place)| (image.below.clone(), place));
        Self { subject, places: places.collect(), found: BTreeMap::new() }
    }

    fn exclude(&mut self, path: &str, because: &str, certain: bool) {
        let known = self.found.get(path).is_some_and(|(_, known)| *known || !certain);
        if !known {
            self.found.insert(path.to_owned(), (because.to_owned(), certain));
        }
    }

    /// Of images that are the same to the pixel, within one split, all but the first; of several labels all but the most probable.
    fn exact_copies(&mut self, record: &AuditRecord) {
        let exact = |copy: &&CopyRecord| copy.kind != CopyKind::Near && copy.splits[0] == copy.splits[1];
        let pairs = record
            .copies
            .iter()
            .filter(exact)
            .filter_map(|copy| Some([*self.places.get(&copy.a)?, *self.places.get(&copy.b)?]));
        for group in groups(pairs, self.subject.images.len()) {
            let image = |place: usize| &self.subject.images[place];
            let alike = group.iter().all(|&place| image(place).label == image(group[0]).label);
            // Of several labels that is kept which the probe believes most.
            let kept = match alike {
                true => group[0],
                false => most_probable(record, &group, |place| image(place).below.as_str()),
            };
            let first = image(kept);
            for &place in group.iter().filter(|&&place| place != kept) {
                let (path, first) = (image(place).below.clone(), first.below.clone());
                let (because, certain) = match alike {
                    true => (format!("the same image as {first}"), image(place).part != Part::Test),
                    false => {
                        (format!("the same image as {first}, under two labels: one of them is wrong"), false)
                    }
                };
                self.exclude(&path, &because, certain);
            }
        }
    }

    /// Groups of copies that are left, for splits that the program makes.
    fn together(&self, record: &AuditRecord) -> Vec<Vec<String>> {
        let is_left = |path: &String| !self.found.get(path).is_some_and(|(_, certain)| *certain);
        let near =
            record.copies.iter().filter(|copy| copy.splits.iter().all(|split| split == Part::Train.name()));
        let pairs = near.filter_map(|copy| Some([*self.places.get(&copy.a)?, *self.places.get(&copy.b)?]));
        let all = groups(pairs, self.subject.images.len()).into_iter();
        let named = all.map(|group| group.into_iter().map(|place| self.subject.images[place].below.clone()));
        let left = named.map(|group| group.filter(is_left).collect::<Vec<_>>());
        left.filter(|group| group.len() > 1).collect()
    }

    /// Divides the entries. None in force takes the last training image of a class.
    fn entries(&self) -> Entries {
        let mut left = vec![0usize; self.subject.classes.len()];
        let readable = self.subject.images.iter().zip(&self.subject.examined);
        for (image, _) in
            readable.filter(|(image, file)| image.part == Part::Train && file.fingerprint().is_some())
        {
            left[image.label] += 1;
        }
        let (mut active, mut proposed) = (BTreeMap::new(), BTreeMap::new());
        for (path, (because, certain)) in &self.found {
            let place = self.places.get(path).copied().unwrap_or(0);
            let image = &self.subject.images[place];
            let counts = image.part == Part::Train && self.subject.examined[place].fingerprint().is_some();
            let certain = *certain && !(counts && left[image.label] <= 1);
            if certain && counts {
                left[image.label] -= 1;
            }
            let into = if certain { &mut active } else { &mut proposed };
            into.insert(path.clone(), because.clone());
        }
        Entries { active, proposed }
    }

    fn sha256(&self, path: &str) -> Option<String> {
        let place = *self.places.get(path)?;
        self.subject.examined[place].sha256.map(|digest| format!("sha256 = \"{}\"\n", hex::encode(digest)))
    }

    fn entry(&self, path: &str, because: &str) -> String {
        let sha256 = self.sha256(path).unwrap_or_default();
        format!("[[exclude]]\npath = {}\n{sha256}because = {}\n\n", quoted(path), quoted(because))
    }

    fn relabel(&self, label: &LabelRecord) -> String {
        let because = format!(
            "says {}, likely {} ({:.0} %); the nearest are {}",
            label.label,
            label.likely,
            100.0 * label.likely_probability,
            label.neighbours.join(", ")
        );
        let (path, likely) = (quoted(&label.path), quoted(&label.likely));
        let sha256 = self.sha256(&label.path).unwrap_or_default();
        format!("[[relabel]]\npath = {path}\n{sha256}label = {likely}\nbecause = {}\n\n", quoted(&because))
    }
}

fn same(copy: &CopyRecord) -> &'static str {
    if copy.kind == CopyKind::Near { "a copy of" } else { "the same image as" }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn commented(block: &str) -> String {
    let mut text: String = block.trim_end().lines().map(|line| format!("# {line}\n")).collect();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_image_under_two_labels_the_more_probable_one_is_kept() {
        let paths = ["a", "b", "c"];
        let label = |path: &str, probability| LabelRecord {
            path: path.to_owned(),
            label: "ants".to_owned(),
            likely: "bees".to_owned(),
            probability,
            likely_probability: 1.0 - probability,
            flagged: false,
            neighbours: Vec::new(),
        };
        let judged = AuditRecord {
            labels: vec![label("a", 0.2), label("b", 0.9)],
            held_out_labels: vec![label("c", 0.95)],
            ..AuditRecord::default()
        };
        assert_eq!(most_probable(&judged, &[0, 1], |place| paths[place]), 1);
        assert_eq!(most_probable(&judged, &[0, 2], |place| paths[place]), 2);
        assert_eq!(most_probable(&AuditRecord::default(), &[0, 1], |place| paths[place]), 0);
    }
}
