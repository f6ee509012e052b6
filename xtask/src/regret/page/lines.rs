//! Which line of the rule led to an advice, told from the advice itself.

use super::super::outcome::{Advised, Outcome};
use super::title;

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

/// The section on which line decided for which task, and which for none.
pub(super) fn table(all: &[&Outcome]) -> String {
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

#[cfg(test)]
mod tests {
    use super::super::super::outcome::Stage;
    use super::super::tests::outcomes;
    use super::*;

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
        let page = table(&outcomes.iter().collect::<Vec<_>>());
        let reached = format!("| {} | {} |", LINES[0].1, title(&outcomes[0]));
        assert!(page.contains(&reached), "{page}");
        let idle = page.split("No task reaches").nth(1).unwrap();
        assert_eq!(idle.lines().filter(|line| line.starts_with("- ")).count(), 6, "{idle}");
    }
}
