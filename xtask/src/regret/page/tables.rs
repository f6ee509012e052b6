//! Regrets, accuracies and evidence, a row for each answer or task.

use super::super::outcome::{Advised, Outcome, Part, spread};
use super::super::tasks::Source;
use super::{mean_regret, of_fresh, title};

/// How an answer is read off a task's grid.
pub(super) type Answer<'a> = (String, Box<dyn Fn(&Outcome) -> f64 + 'a>);

pub(super) fn regret(answers: &[Answer<'_>], held_out: &[&Outcome], all: &[&Outcome]) -> String {
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

pub(super) fn accuracies(outcomes: &[Outcome]) -> String {
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

pub(super) fn evidence(outcomes: &[Outcome]) -> String {
    let mut text = "## What was advised, and why\n\nProbe accuracies in percent on pixels, after the best stage and after the last; the share of the errors on pixels that \
         the best stage takes away; confidence and entropy of the source's classifier; all for the first seed.\n\n\
         | task | pixels | best stage | last stage | taken away | source's confidence | its entropy | similarity | depths advised | rate scales | confidence |\n\
         |---|---:|---:|---:|---:|---:|---:|---|---|---|---|\n"
        .to_owned();
    for outcome in outcomes {
        let Some(first) = outcome.advised.first() else { continue };
        let stages: Vec<f64> = first.stages.iter().skip(1).map(|stage| stage.accuracy).collect();
        let percent = |share: f64| format!("{:.0}", 100.0 * share);
        let source = first.source.as_ref();
        let each =
            |say: fn(&Advised) -> String| outcome.advised.iter().map(say).collect::<Vec<_>>().join(", ");
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {}{} | {} | {} | {} |\n",
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

/// What an advice costs, in passes of its pictures through the network.
pub(super) fn cost(outcomes: &[Outcome]) -> String {
    let mut text = "## What it costs\n\nSeconds for the advice of the first seed, on one core: the images are read, decoded and pass \
         through the network once, as they must for any training; what comes on top goes by the number of images, classes and \
         stages and not by how much the network computes, so that it weighs heavily here, where images are small.\n\n\
         | task | side | reading and one pass, s | probes and scores, s | the whole, in passes |\n|---|---:|---:|---:|---:|\n"
        .to_owned();
    let mut whole = Vec::new();
    for outcome in outcomes {
        let Some(first) = outcome.advised.first() else { continue };
        let is_pass = |part: &&Part| part.part.contains("pass") || part.part.contains("reading");
        let seconds = |parts: &mut dyn Iterator<Item = &Part>| parts.map(|part| part.seconds).sum::<f64>();
        let pass = seconds(&mut first.parts.iter().filter(is_pass));
        let rest = seconds(&mut first.parts.iter().filter(|part| !is_pass(part)));
        whole.push((pass + rest) / pass);
        let (name, side) = (title(outcome), outcome.task.side);
        text += &format!("| {name} | {side} | {pass:.2} | {rest:.2} | {:.1} |\n", (pass + rest) / pass);
    }
    whole.sort_by(f64::total_cmp);
    if let (Some(least), Some(most)) = (whole.first(), whole.last()) {
        text += &format!("\nThat is {least:.1} to {most:.1} passes. ");
        text += if *most < 1.5 {
            "About one was the aim.\n"
        } else {
            "About one was the aim, and **it is missed** where the most is asked.\n"
        };
    }
    text
}
