//! `docs/advise.md`: what came out, the bad news first.

use super::outcome::{Advised, Outcome, Stage, mean, spread};
use super::tasks::{FULL, Part, Source, TASKS, Task};

/// An answer that is the same for every task, and how to read its accuracy off a task's grid.
const CONSTANTS: [(&str, &str); 5] = [
    ("always `head`", "head"),
    ("always `last:2`", "last:2"),
    ("always `all`", "all"),
    ("always `all` at the full rate", FULL),
    ("always `scratch`", "scratch"),
];

/// How an answer is read off a task's grid.
type Answer<'a> = (String, Box<dyn Fn(&Outcome) -> f64 + 'a>);

/// The whole page.
pub(super) fn markdown(outcomes: &[Outcome]) -> String {
    let held_out: Vec<&Outcome> = outcomes.iter().filter(|outcome| is_kept(outcome)).collect();
    let all: Vec<&Outcome> = outcomes.iter().collect();
    [
        "# How far the advice can be trusted\n".to_owned(),
        // `finetune advise` takes what stands first from here, for its help and beside every advice.
        verdict(&held_out, &all),
        format!("Written by `cargo xtask regret`.{}\n", missing(&all)),
        HOW.to_owned(),
        regrets(&held_out, &all),
        accuracies(outcomes),
        evidence(outcomes),
        lines(&all),
        scores(&all),
        LIMITS.to_owned(),
    ]
    .join("\n")
}

const HOW: &str = "## How it was measured\n\n\
For each task a network was fine-tuned at every depth of a grid, over the same seeds; a seed draws the training images too. \
Regret is the mean test accuracy of the best setting of the grid less that of the answer, in percentage points. The best is \
chosen by the same test images, so that by chance alone every answer has some regret. *Advice* is the run with \
`finetune.depth = \"auto\"`, its own depth and rate for each seed; *its depth alone* takes from the grid what the advised \
depth gives at the default rate (`rate_scale = 0.1`), which is the rate of every other setting but the one at the full rate. \
No run sees a test image before its end. The Cyrillic letters come with validation images, by which nothing is chosen; the \
other tasks have none.\n\n\
The thresholds (`crates/finetune-core/src/advise/rule.rs`) were chosen on the tasks marked *tuned on*, there also with other \
amounts of images and other rates, and committed before any run on the others. **That first rule lost.** On ants and bees from \
ImageNet, dogs and cats from letters and Cyrillic from ImageNet its mean regret was 3.7 points, that of always answering \
`head` 0.9 and of always `last:2` 1.4; the third alone cost it 8.9, because it trained all of a large network on 330 images \
of a kind that ImageNet does not show. (These four figures are from an earlier run, at the parent of commit `c45618d`; they \
were typed in, and the command that writes the rest of this page does not make them.) One line was added for this (a network of more than 3,000 parameters for each \
image keeps all but its head unless the images are alike), committed, and only then were the tasks marked *fresh* run. The \
task marked *corrected on* counts as tuned on from then on; the two without a mark had run before, and the added line \
does not touch them.\n";

const LIMITS: &str = "## What it does not show\n\n\
A handful of tasks, two networks, small pictures and never more than a few hundred training images: the rule has seen little \
of the world. Confidence is the share of resampled image sets that lead to the same depth; it says nothing about whether the rule is right. \
Differences below the standard deviations of the table are chance.\n";

/// Whether it was worth asking, the bad news first.
fn verdict(held_out: &[&Outcome], all: &[&Outcome]) -> String {
    let advice = |outcomes: &[&Outcome]| mean_regret(outcomes, &advised);
    let best = |outcomes: &[&Outcome]| {
        let constants =
            CONSTANTS.iter().map(|&(name, depth)| (name, mean_regret(outcomes, &|o| o.at(depth))));
        constants.min_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap_or(("no constant", f64::NAN))
    };
    let (name, constant) = best(held_out);
    let (all_name, all_constant) = best(all);
    let worst = held_out.iter().max_by(|a, b| a.regret(advised(a)).total_cmp(&b.regret(advised(b))));
    let worst = worst.map_or_else(String::new, |worst| {
        format!(" Its worst is {:.1} points, on {}.", worst.regret(advised(worst)), worst.task.what)
    });
    let ours = advice(held_out);
    let first = if ours > constant {
        format!(
            "**The advice loses to the best constant answer**: on the {} tasks never used for tuning its mean regret is {ours:.1} points, and that of answering {name} {constant:.1}.",
            held_out.len()
        )
    } else {
        format!(
            "On the {} tasks never used for tuning the advice has a mean regret of {ours:.1} points; the best constant answer, {name}, has {constant:.1}.",
            held_out.len()
        )
    };
    let aim =
        if ours < 1.0 { "It is below the aim of one point." } else { "**The aim of one point is missed.**" };
    let fresh = of_fresh(all);
    let (fresh_name, fresh_constant) = best(&fresh);
    format!(
        "{first} {aim}{worst} Over those alone that were first run when the rule was final ({}) it is {:.1}, against {fresh_constant:.1} of {fresh_name}; over all {} tasks {:.1}, against {all_constant:.1} of {all_name}.\n",
        fresh.len(),
        advice(&fresh),
        all.len(),
        advice(all)
    )
}

/// Says which tasks are not measured.
fn missing(all: &[&Outcome]) -> String {
    let is_there = |task: &Task| all.iter().any(|outcome| outcome.task.name == task.name);
    let names: Vec<&str> = TASKS.iter().filter(|task| !is_there(task)).map(|task| task.what).collect();
    match names.as_slice() {
        [] => String::new(),
        names => {
            format!(" **Not measured with this rule yet, and in no figure below: {}.**", names.join("; "))
        }
    }
}

/// Those of them that were first run when the rule was final.
fn of_fresh<'a>(outcomes: &[&'a Outcome]) -> Vec<&'a Outcome> {
    outcomes.iter().copied().filter(|outcome| outcome.task.part == Part::Fresh).collect()
}

fn regrets(held_out: &[&Outcome], all: &[&Outcome]) -> String {
    let mut answers: Vec<Answer<'_>> = vec![
        ("**advice**".to_owned(), Box::new(advised)),
        ("its depth alone".to_owned(), Box::new(Outcome::at_advice)),
    ];
    for (name, depth) in CONSTANTS {
        answers.push((name.to_owned(), Box::new(move |outcome| outcome.at(depth))));
    }
    format!("## Regret, in percentage points\n\n{}", table(&answers, held_out, all))
}

/// The lines of the rule, in its order.
const LINES: [(Line, &str); 8] = [
    (Line::GoodEnough, "what the head reads is good enough: `head`"),
    (Line::TooFew, "too few images to tell: `last:2`, gently"),
    (Line::TooLarge, "not alike, and too few images for a network of this size: `head`"),
    (Line::LittleValue, "unlike, and no stage much better than pixels: `all`, at the full rate"),
    (Line::LateStagesLost, "unlike, and earlier stages better than the last: `all`, at the full rate"),
    (Line::Related, "related: `all`, at half the rate"),
    (Line::ManyImages, "alike, and many images: `all`, at 0.3 of the rate"),
    (Line::FewImages, "alike, and few images: `last:2`, gently"),
];

/// A line of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    GoodEnough,
    TooFew,
    TooLarge,
    LittleValue,
    LateStagesLost,
    Related,
    ManyImages,
    FewImages,
}

impl Line {
    /// The one that an advice fell under, told by the rate, which differs from line to line, and by what else they differ in.
    fn of(advice: &Advised) -> Self {
        let last = advice.stages.last().map_or(f64::NAN, |stage| stage.accuracy);
        match advice.rate_scale {
            _ if advice.depth == "head" && 1.0 - last <= 0.03 => Self::GoodEnough,
            _ if advice.depth == "head" => Self::TooLarge,
            rate if rate > 0.9 && advice.value < 0.25 => Self::LittleValue,
            rate if rate > 0.9 => Self::LateStagesLost,
            rate if rate > 0.4 => Self::Related,
            rate if rate > 0.2 => Self::ManyImages,
            _ if advice.similarity() == "alike" => Self::FewImages,
            _ => Self::TooFew,
        }
    }
}

/// Which line decided for which task, and which for none.
fn lines(all: &[&Outcome]) -> String {
    let tasks = |line: Line| -> Vec<String> {
        let fell = |outcome: &&&Outcome| outcome.advised.iter().any(|advice| Line::of(advice) == line);
        all.iter().filter(fell).map(|outcome| title(outcome)).collect()
    };
    let mut text =
        "## Which lines of the rule decided\n\n| line | tasks, by one seed at least |\n|---|---|\n"
            .to_owned();
    let mut idle = Vec::new();
    for (line, what) in LINES {
        let tasks = tasks(line);
        if tasks.is_empty() {
            idle.push(what);
        } else {
            text += &format!("| {what} | {} |\n", tasks.join(", "));
        }
    }
    if !idle.is_empty() {
        text += &format!(
            "\nNo task reaches the other lines, so nothing here speaks for or against them:\n\n- {}\n",
            idle.join("\n- ")
        );
    }
    text
}

/// What each published score would have done.
fn scores(all: &[&Outcome]) -> String {
    let held_out: Vec<&Outcome> = all.iter().copied().filter(|outcome| is_kept(outcome)).collect();
    let by = |score: fn(&Stage) -> f64| Box::new(move |outcome: &Outcome| outcome.at_best_stage(score));
    let answers: Vec<Answer<'_>> = vec![
        ("the best probe".to_owned(), by(|stage| stage.accuracy)),
        ("the best LogME".to_owned(), by(|stage| stage.logme)),
        ("the best H-score".to_owned(), by(|stage| stage.h_score)),
    ];
    format!(
        "## Scores alone\n\nRegret of training all that follows the stage with the best score, at the default rate. The scores were made to rank \
         networks by the features that a head reads, not stages by where to begin; the rule does not use LogME and the H-score.\n\n{}",
        table(&answers, &held_out, all)
    )
}

fn table(answers: &[Answer<'_>], held_out: &[&Outcome], all: &[&Outcome]) -> String {
    let names: Vec<String> = all.iter().map(|outcome| title(outcome)).collect();
    let fresh = of_fresh(all);
    let mut text =
        format!("| answer | {} | mean, fresh | mean, not tuned on | mean, all |\n", names.join(" | "));
    text += &format!("|---|{}\n", "---:|".repeat(names.len() + 3));
    for (name, at) in answers {
        let each: Vec<String> =
            all.iter().map(|outcome| format!("{:.1}", outcome.regret(at(outcome)))).collect();
        text += &format!(
            "| {name} | {} | {:.1} | {:.1} | {:.1} |\n",
            each.join(" | "),
            mean_regret(&fresh, &**at),
            mean_regret(held_out, &**at),
            mean_regret(all, &**at)
        );
    }
    text
}

fn accuracies(outcomes: &[Outcome]) -> String {
    let mut text = "## Test accuracy in percent, mean ± standard deviation over the seeds\n".to_owned();
    for source in [Source::ImageNet, Source::Letters] {
        let of_source: Vec<&Outcome> =
            outcomes.iter().filter(|outcome| outcome.task.source == source).collect();
        let depths: Vec<String> = source.depths().iter().map(|(depth, _)| format!("`{depth}`")).collect();
        let network = match source {
            Source::ImageNet => "EfficientNet-Lite0 from ImageNet",
            Source::Letters => "LeNet-5 from Latin letters",
        };
        text += &format!(
            "\n{network}:\n\n| task | images per class | side | {} | advice |\n",
            depths.join(" | ")
        );
        text += &format!("|---|{}\n", "---:|".repeat(depths.len() + 3));
        for outcome in of_source {
            let best = outcome.best().map(|best| best.depth);
            let cells = outcome.depths.iter().map(|tried| {
                let figures = spread(&tried.accuracies);
                if Some(tried.depth) == best { format!("**{figures}**") } else { figures }
            });
            let task = outcome.task;
            text += &format!(
                "| {} | {} | {} | {} | {} |\n",
                title(outcome),
                task.images_per_class,
                task.side,
                cells.collect::<Vec<_>>().join(" | "),
                spread(&outcome.followed)
            );
        }
    }
    text
}

fn evidence(outcomes: &[Outcome]) -> String {
    let mut text = "## What was advised, and why\n\nProbe accuracies in percent on pixels, after the best stage and after the last; the share of the errors on pixels that \
         the best stage takes away; confidence and entropy of the source's classifier; all for the first seed. Time is that of the whole advice, beside it that of \
         the one pass of the images through the network.\n\n\
         | task | pixels | best stage | last stage | taken away | source's confidence | its entropy | similarity | depths advised | rate scales | confidence | time |\n\
         |---|---:|---:|---:|---:|---:|---:|---|---|---|---|---|\n"
        .to_owned();
    for outcome in outcomes {
        let Some(first) = outcome.advised.first() else { continue };
        let stages: Vec<f64> = first.stages.iter().skip(1).map(|stage| stage.accuracy).collect();
        let percent = |share: f64| format!("{:.0}", 100.0 * share);
        let source = first.source.as_ref();
        let each =
            |say: fn(&Advised) -> String| outcome.advised.iter().map(say).collect::<Vec<_>>().join(", ");
        let seconds: f64 = first.parts.iter().map(|part| part.seconds).sum();
        let pass =
            first.parts.iter().find(|part| part.part.contains("pass")).map_or(f64::NAN, |part| part.seconds);
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {}{} | {} | {} | {} | {seconds:.2} s, {pass:.2} s |\n",
            title(outcome),
            percent(first.stages.first().map_or(f64::NAN, |stage| stage.accuracy)),
            percent(stages.iter().copied().fold(f64::NAN, f64::max)),
            percent(stages.last().copied().unwrap_or(f64::NAN)),
            percent(first.value),
            source.map_or("–".to_owned(), |source| percent(source.confidence)),
            source.map_or("–".to_owned(), |source| percent(source.entropy)),
            first.similarity(),
            if first.little_value { ", little value" } else { "" },
            each(|advice| format!("`{}`", advice.depth)),
            each(|advice| advice.rate_scale.to_string()),
            each(|advice| format!("{:.0}%", 100.0 * advice.confidence)),
        );
    }
    text
}

/// The accuracy of the runs that followed the advice.
fn advised(outcome: &Outcome) -> f64 {
    mean(&outcome.followed)
}

fn mean_regret(outcomes: &[&Outcome], at: &dyn Fn(&Outcome) -> f64) -> f64 {
    mean(&outcomes.iter().map(|outcome| outcome.regret(at(outcome))).collect::<Vec<_>>())
}

/// Whether nothing of the rule was chosen because of this task.
fn is_kept(outcome: &Outcome) -> bool {
    matches!(outcome.task.part, Part::FirstRound | Part::Fresh)
}

fn title(outcome: &Outcome) -> String {
    let part = match outcome.task.part {
        Part::Tuned => " (tuned on)",
        Part::Corrected => " (corrected on)",
        Part::FirstRound => "",
        Part::Fresh => " (fresh)",
    };
    format!("{}{part}", outcome.task.what)
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Tried;
    use super::*;

    /// Every task with the same accuracies; `followed` is that of the advice.
    fn outcomes(followed: f64) -> Vec<Outcome> {
        let outcome = |task: &'static super::super::tasks::Task| Outcome {
            task,
            depths: task
                .source
                .depths()
                .iter()
                .map(|&(depth, trained)| Tried {
                    depth,
                    trained,
                    accuracies: vec![if depth == "last:2" { 0.80 } else { 0.70 }],
                })
                .collect(),
            advised: Vec::new(),
            followed: vec![followed],
            program: "commit abc".to_owned(),
            day: "2026-01-31".to_owned(),
        };
        TASKS.iter().map(outcome).collect()
    }

    #[test]
    fn losing_to_a_constant_is_the_first_thing_said() {
        let first = |followed| markdown(&outcomes(followed)).lines().nth(2).unwrap_or_default().to_owned();
        let lost = first(0.78);
        assert!(lost.starts_with("**The advice loses to the best constant answer**"), "{lost}");
        assert!(lost.contains("2.0 points, and that of answering always `last:2` 0.0"), "{lost}");
        assert!(lost.contains("The aim of one point is missed"), "{lost}");
        let won = first(0.80);
        assert!(won.starts_with("On the ") && won.contains("below the aim"), "{won}");
        assert!(
            won.contains("Over those alone that were first run when the rule was final (2) it is 0.0"),
            "{won}"
        );
    }

    #[test]
    fn lines_that_no_task_reaches_are_named() {
        let advised = |depth: &str, rate_scale, similarity: &str, value, last: f64| Advised {
            depth: depth.to_owned(),
            rate_scale,
            confidence: 1.0,
            value,
            similarity: Some(similarity.to_owned()),
            little_value: false,
            source: None,
            stages: vec![Stage { accuracy: last, logme: 0.0, h_score: 0.0 }],
            parts: Vec::new(),
        };
        let each = [
            (advised("head", 0.1, "alike", 0.9, 0.98), Line::GoodEnough),
            (advised("last:2", 0.1, "unclear", 0.2, 0.5), Line::TooFew),
            (advised("head", 0.1, "unlike", 0.2, 0.5), Line::TooLarge),
            (advised("all", 1.0, "unlike", 0.2, 0.5), Line::LittleValue),
            (advised("all", 1.0, "unlike", 0.3, 0.5), Line::LateStagesLost),
            (advised("all", 0.5, "related", 0.3, 0.5), Line::Related),
            (advised("all", 0.3, "alike", 0.6, 0.8), Line::ManyImages),
            (advised("last:2", 0.1, "alike", 0.6, 0.8), Line::FewImages),
        ];
        for (advice, line) in &each {
            assert_eq!(Line::of(advice), *line);
        }
        let mut outcomes = outcomes(0.8);
        let [(first, _), .., (last, _)] = each;
        outcomes[0].advised = vec![first, last];
        let page = markdown(&outcomes);
        let reached = format!("| {} | {} |", LINES[0].1, title(&outcomes[0]));
        assert!(page.contains(&reached), "{page}");
        let idle = page.split("No task reaches").nth(1).unwrap();
        assert_eq!(idle.lines().filter(|line| line.starts_with("- ")).count(), 6, "{idle}");
    }

    #[test]
    fn every_row_of_a_table_has_the_columns_of_its_heading() {
        let page = markdown(&outcomes(0.75));
        let tables = page.split("\n\n").filter(|part| part.starts_with('|'));
        for table in tables {
            let columns: Vec<usize> = table.lines().map(|line| line.matches('|').count()).collect();
            assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{table}");
        }
        assert!(page.contains("(tuned on)"));
    }

    #[test]
    fn what_is_not_measured_is_named() {
        let mut some = outcomes(0.75);
        assert!(!markdown(&some).contains("Not measured"));
        let left_out = some.pop().unwrap().task.what;
        let words = format!("Not measured with this rule yet, and in no figure below: {left_out}.");
        assert!(markdown(&some).contains(&words));
    }
}
