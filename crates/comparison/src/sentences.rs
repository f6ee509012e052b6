//! Conclusions in sentences. They follow from the figures alone, whichever setting wins.

use records::wording::{self, counted, listed, percent, points};
use records::{
    Amount, CellRecord, ComparisonRow, DivergedRecord, EffectRecord, Interval, MeanSd, RatioRecord,
};

use crate::{Conclusion, Effect, Effects, Figure, Finished, Group, Judge};

/// Names of the methods of transfer, as the records have them.
const SCRATCH: &str = "scratch";
const HEAD: &str = "head";
const FINE_TUNE: &str = "fine-tune";

/// What the runs of a comparison show, one sentence each: runs that diverged first, then which setting or method is
/// better and by how much, then how training went. `rows` are those of the same runs.
#[must_use]
pub fn conclusions(finished: &Finished<'_>, rows: &[ComparisonRow]) -> Vec<String> {
    let &Finished { cells, diverged: lost, judged_on, judged_by, baseline } = finished;
    let effects = Effects::of(cells, judged_on, judged_by);
    let mut sentences: Vec<String> =
        diverged(lost).map(|sentence| format!("{sentence}.")).into_iter().collect();
    if let Judge::Figure { figure, .. } = judged_by {
        let less = if figure.falls() { ", of which less is better" } else { "" };
        sentences.push(format!("Settings are compared by {}{less}.", figure.name()));
    }
    match baseline {
        None => sentences.extend(methods(&effects, judged_on)),
        Some(baseline) => {
            sentences.extend(best_settings(&Effects::of_sound(cells, lost, judged_on, judged_by)));
            sentences.extend(against_baseline(&effects.against(baseline)));
        }
    }
    sentences.extend(gradients(rows));
    sentences.extend(gaps(rows));
    sentences.extend(chosen(cells));
    sentences
}

/// How many runs are judged by images that their epoch was chosen on.
fn chosen(cells: &[CellRecord]) -> Option<String> {
    let chosen = cells.iter().filter(|cell| cell.chosen_on_these_images).count();
    (chosen > 0).then(|| {
        format!(
            "{} of {} runs are judged by the validation images that their epoch was chosen on, for there are no test images: all their accuracies are a little too high.",
            chosen,
            cells.len()
        )
    })
}

/// Differences between the settings, as the record of a comparison holds them: every setting against the baseline; where
/// methods are compared, the others against training from scratch, and fine-tuning against the head alone.
#[must_use]
pub fn differences(finished: &Finished<'_>) -> Vec<EffectRecord> {
    let effects = Effects::of(finished.cells, finished.judged_on, finished.judged_by);
    let mut found = effects.against(finished.baseline.unwrap_or(SCRATCH));
    if finished.baseline.is_none() {
        found.extend(effects.against(HEAD).into_iter().filter(|effect| effect.setting == FINE_TUNE));
    }
    found.iter().map(Effect::record).collect()
}

/// What was measured where each setting was run on folds: one sentence; none without folds or finished runs.
#[must_use]
pub fn of_folds(folds: Option<u32>, cells: &[CellRecord]) -> Option<String> {
    let (folds, cell) = (folds?, cells.first()?);
    let images = counted(cell.answers.len() as u64, "training image");
    Some(format!(
        "Each setting was run on each of {folds} folds: every one of {images} is counted once, as predicted by the run that held it out; no validation or test image was opened."
    ))
}

/// Which runs diverged, without a full stop; `None` where none did.
#[must_use]
pub fn diverged(runs: &[DivergedRecord]) -> Option<String> {
    let name = |run: &DivergedRecord| {
        let amount = match run.images_per_class {
            None => String::new(),
            amount => format!("{} and ", Amount(amount).in_words()),
        };
        format!("{}{} with {amount}seed {}", run.method, in_brackets(&run.variant), run.seed)
    };
    (!runs.is_empty()).then(|| {
        format!(
            "{} diverged: {}; the figures leave them out, and no setting with such a run is called the best",
            counted(runs.len() as u64, "run"),
            runs.iter().map(name).collect::<Vec<_>>().join(", ")
        )
    })
}

/// Fine-tuning against training from scratch and against the head alone, for each variant.
fn methods(effects: &Effects<'_>, judged_on: Option<&str>) -> Vec<String> {
    let classes = judged_on.map_or_else(|| "all classes".to_owned(), |group| format!("the {group} classes"));
    let mut sentences = Vec::new();
    for groups in effects.by_variant() {
        let variant = groups.first().map_or("", |group| group.variant);
        let over = |baseline| -> Vec<Effect<'_>> {
            groups.iter().filter_map(|group| group.effect(FINE_TUNE, baseline)).collect()
        };
        let found = [transfer(&over(SCRATCH)), depth(&over(HEAD))];
        let opening = format!("On {classes}{}, ", in_brackets(variant));
        sentences.extend(found.into_iter().flatten().map(|sentence| format!("{opening}{sentence}")));
    }
    sentences
}

fn transfer(gains: &[Effect<'_>]) -> Option<String> {
    let most = gains.iter().max_by(|a, b| a.gain().total_cmp(&b.gain()))?;
    let least = gains.iter().min_by(|a, b| a.gain().total_cmp(&b.gain()))?;
    Some(format!(
        "fine-tuning the source weights {}: the gain was largest at {} ({}) and smallest at {} ({}).",
        beyond_chance(gains, "training from scratch", 0.0),
        most.amount.in_words(),
        in_points(most),
        least.amount.in_words(),
        in_points(least),
    ))
}

fn depth(gains: &[Effect<'_>]) -> Option<String> {
    let (first, last) = (gains.first()?, gains.last()?);
    Some(format!(
        "training deeper than the head {}: the gain was {} at {} and {} at {}.",
        beyond_chance(gains, "the head alone", 0.01),
        in_points(first),
        first.amount.in_words(),
        in_points(last),
        last.amount.in_words()
    ))
}

/// At how many amounts of data the interval of a gain excludes zero, and at how many its mean exceeds a threshold: 0 for
/// any difference, 0.01 for a point.
fn beyond_chance(gains: &[Effect<'_>], baseline: &str, threshold: f64) -> String {
    let by_figure = gains.iter().any(|gain| gain.figure.is_some());
    let (threshold, higher) = match (by_figure, threshold > 0.0) {
        (true, _) => (0.0, "better"),
        (false, true) => (threshold, "more than a point higher"),
        (false, false) => (threshold, "higher"),
    };
    let count = |holds: &dyn Fn(&Effect<'_>) -> bool| gains.iter().filter(|gain| holds(gain)).count();
    let means = count(&|gain| gain.gain() > threshold);
    let amounts =
        if gains.len() == 1 { "1 amount of data".into() } else { format!("{} amounts of data", gains.len()) };
    if gains.iter().all(|gain| gain.interval.is_none()) {
        return format!(
            "had a mean {higher} than {baseline} at {means} of {amounts}; without intervals this may be chance"
        );
    }
    let won = count(&|gain| gain.conclusion() == Conclusion::Better);
    let side =
        if gains.iter().any(|gain| gain.figure.is_some_and(Figure::falls)) { "below" } else { "above" };
    let lost = match count(&|gain| gain.conclusion() == Conclusion::Worse) {
        0 => String::new(),
        lost => format!("; it did worse beyond chance at {lost}"),
    };
    format!(
        "beat {baseline} beyond chance at {won} of {amounts} (95% interval {side} zero; the mean is {higher} at {means}{lost})"
    )
}

/// The setting with the highest mean accuracy with one amount of data.
struct Best<'a> {
    group: &'a Group<'a>,
    setting: &'a str,
}

/// The best setting with each amount of data, where there are several amounts and several settings.
fn best_settings(effects: &Effects<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    for groups in effects.by_variant() {
        if groups.len() < 2 {
            continue;
        }
        let several = groups.into_iter().filter(|group| group.settings().count() > 1);
        let bests: Vec<Best<'_>> =
            several.filter_map(|group| Some(Best { group, setting: group.best()? })).collect();
        sentences.extend(bests.iter().map(Best::sentence));
        sentences.extend(best_by_amount(bests));
    }
    sentences
}

impl Best<'_> {
    fn sentence(&self) -> String {
        let &Self { group, setting: best } = self;
        let others: Vec<&str> = group.settings().filter(|&other| other != best).collect();
        let beats = |other| group.effect(best, other).is_some_and(|it| it.conclusion() == Conclusion::Better);
        let equals: Vec<&str> = others.iter().copied().filter(|&other| !beats(other)).collect();
        let rest = match equals.as_slice() {
            [] => "it is better than every other setting beyond chance".to_owned(),
            all if all.len() == others.len() => "no other setting differs from it beyond chance".to_owned(),
            some => format!("{} may be as good", listed(some)),
        };
        format!(
            "With {}{}, {best} has the {}, {}{}; {rest}.",
            group.amount.in_words(),
            in_brackets(group.variant),
            group.best_in_words(),
            group.in_words(group.value(best)),
            group.interval(best).map_or_else(String::new, |it| format!(
                " ({})",
                interval(it, &|value| group.in_words(value))
            )),
        )
    }
}

/// Whether the best setting depends on the amount of data, from the least data to the most.
fn best_by_amount(mut bests: Vec<Best<'_>>) -> Option<String> {
    bests.sort_by_key(|best| best.group.amount.order());
    let first = bests.first()?;
    let variant = in_brackets(first.group.variant);
    if bests.iter().all(|best| best.setting == first.setting) {
        return Some(format!(
            "{} has the {} with every amount of data{variant}.",
            first.setting,
            first.group.best_in_words()
        ));
    }
    let each = bests.iter().map(|best| format!("{} with {}", best.setting, best.group.amount.in_words()));
    Some(format!(
        "Which setting has the {} depends on the amount of data{variant}: {}.",
        first.group.best_in_words(),
        each.collect::<Vec<_>>().join(", ")
    ))
}

/// One sentence for each effect, the largest first, and a caution where there are several.
fn against_baseline(effects: &[Effect<'_>]) -> Vec<String> {
    let mut ordered: Vec<&Effect<'_>> = effects.iter().collect();
    ordered.sort_by(|a, b| b.gain().total_cmp(&a.gain()));
    let mut sentences: Vec<String> = ordered.iter().map(|effect| against(effect)).collect();
    if effects.len() > 1 && effects.iter().any(|effect| effect.interval.is_some() && effect.seeds > 1) {
        sentences.push(format!(
            "Each interval is for one comparison: of {} comparisons, one in twenty would exclude zero by chance.",
            effects.len()
        ));
    }
    sentences
}

fn against(effect: &Effect<'_>) -> String {
    let amount = match effect.amount {
        Amount(None) => String::new(),
        amount => format!(" with {}", amount.in_words()),
    };
    let name = format!("{}{}{amount}", effect.setting, in_brackets(effect.variant));
    let written = |difference: f64| effect.difference(difference);
    let difference = format!("{} {} against {}", written(effect.mean), effect.unit(), effect.baseline);
    match (effect.seeds, effect.interval) {
        (1, _) => format!("{name}: {difference} with one seed, which may be chance."),
        (seeds, None) => format!("{name}: {difference} ({seeds} seeds, no interval)."),
        (seeds, Some(found)) => {
            let outcome = match effect.conclusion() {
                Conclusion::Better => "helped",
                Conclusion::Worse => "hurt",
                Conclusion::Unclear => "made no difference beyond chance",
            };
            format!("{name} {outcome}: {difference} ({}, {seeds} seeds).", interval(found, &written))
        }
    }
}

/// Where the earliest stage had the shortest gradient compared with the latest, and where the longest.
fn gradients(rows: &[ComparisonRow]) -> Option<String> {
    let known = rows.iter().filter_map(|row| Some((row, row.gradient_ratio?)));
    let known: Vec<(&ComparisonRow, RatioRecord)> =
        known.filter(|(_, ratio)| ratio.median.is_finite()).collect();
    let least = known.iter().min_by(|a, b| a.1.median.total_cmp(&b.1.median))?;
    let most = known.iter().max_by(|a, b| a.1.median.total_cmp(&b.1.median))?;
    let times = |(row, ratio): &(&ComparisonRow, RatioRecord)| {
        let range = if ratio.low < ratio.high {
            format!(", {} to {} over the seeds", wording::ratio(ratio.low), wording::ratio(ratio.high))
        } else {
            String::new()
        };
        format!("{} times that of the latest with {}{range}", wording::ratio(ratio.median), quoted(row))
    };
    let first = format!("The gradient norm of the earliest trained stage was {}", times(least));
    Some(if known.len() == 1 {
        format!("{first}.")
    } else {
        let overlap = if least.1.high < most.1.low { "" } else { " (the ranges over the seeds overlap)" };
        format!("{first}, the smallest ratio, and {}, the largest{overlap}.", times(most))
    })
}

/// Where training accuracy exceeded the accuracy on other images most, and where least.
fn gaps(rows: &[ComparisonRow]) -> Option<String> {
    let gap = |row: &ComparisonRow, train: MeanSd| train.mean - row.accuracy_mean;
    let known = rows.iter().filter_map(|row| Some((row, row.train_accuracy?)));
    let known: Vec<(&ComparisonRow, MeanSd)> =
        known.filter(|&(row, train)| gap(row, train).is_finite()).collect();
    let least = known.iter().min_by(|a, b| gap(a.0, a.1).total_cmp(&gap(b.0, b.1)))?;
    let most = known.iter().max_by(|a, b| gap(a.0, a.1).total_cmp(&gap(b.0, b.1)))?;
    let figures = |&(row, train): &(&ComparisonRow, MeanSd)| {
        format!(
            "{} points with {} ({} against {})",
            points(gap(row, train)),
            quoted(row),
            percent(train.mean),
            percent(row.accuracy_mean)
        )
    };
    let first = "The gap between training accuracy and accuracy on other images was";
    Some(if known.len() == 1 {
        format!("{first} {}.", figures(most))
    } else {
        format!("{first} widest at {} and narrowest at {}.", figures(most), figures(least))
    })
}

/// `+6.2 points, 95% interval +1.0 to +11.3`.
fn in_points(effect: &Effect<'_>) -> String {
    let written = |difference: f64| effect.difference(difference);
    let interval = effect.interval.map_or_else(String::new, |it| format!(", {}", interval(it, &written)));
    format!("{} {}{interval}", written(effect.mean), effect.unit())
}

fn interval(interval: Interval, written: &dyn Fn(f64) -> String) -> String {
    format!("95% interval {} to {}", written(interval.low), written(interval.high))
}

/// `“vgg19, plain” and 10 images per class`.
fn quoted(row: &ComparisonRow) -> String {
    let amount = match row.images_per_class {
        None => String::new(),
        amount => format!(" and {}", Amount(amount).in_words()),
    };
    format!("“{}”{}{amount}", row.method, in_brackets(&row.variant))
}

/// ` (held-out faces)`, or nothing where there is one variant.
fn in_brackets(variant: &str) -> String {
    if variant.is_empty() { String::new() } else { format!(" ({variant})") }
}
