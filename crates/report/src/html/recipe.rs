//! The five steps in order, and the stages that they froze or trained.

use maud::{Markup, html};
use records::{RecipeStepRecord, RunRecord, StageRecord, StepName};

use super::shell::{Level, scroll};
use crate::numbers;
use crate::phrases::interrupted;

/// Purpose of a step, whatever it did in this run; empty for a step that this version does not know.
fn purpose(step: &str) -> &'static str {
    match StepName::ALL.into_iter().find(|known| known.name() == step) {
        Some(StepName::Load) => "Build the network and load the source weights",
        Some(StepName::Freeze) => "Decide how far back to fine-tune",
        Some(StepName::Head) => "A new classifier for the new classes",
        Some(StepName::TrainHead) => "Train the new head alone",
        Some(StepName::FineTune) => "Train the chosen stages at a low learning rate",
        None => "",
    }
}

pub(super) fn five_steps(run: &RunRecord, level: Level) -> Markup {
    let names = StepName::ALL.map(StepName::name);
    let known = names.map(|name| (name, run.steps.iter().find(|step| step.name == name)));
    let others = run.steps.iter().filter(|step| !names.contains(&step.name.as_str()));
    let steps: Vec<_> =
        known.into_iter().chain(others.map(|step| (step.name.as_str(), Some(step)))).collect();
    html! {
        ol.steps {
            @for (i, (name, step)) in steps.iter().enumerate() {
                li.missed[step.is_none()] {
                    span.number aria-hidden="true" { (i + 1) }
                    (level.heading(&html! { (name) }))
                    (step_body(run, name, *step))
                }
            }
        }
    }
}

fn step_body(run: &RunRecord, name: &str, step: Option<&RecipeStepRecord>) -> Markup {
    html! {
        @if !purpose(name).is_empty() { p.muted { (purpose(name)) "." } }
        @match step {
            Some(step) => {
                p { (step.what) }
                p.time { (numbers::duration(step.seconds)) (share(step.seconds, run.seconds)) }
            },
            None => p { @if interrupted(run) { "Not reached." } @else { "Not recorded." } },
        }
    }
}

/// `, 62% of the run`, where the step took at least 5% of it.
fn share(seconds: f64, total: f64) -> String {
    let share = seconds / total;
    if share.is_finite() && (0.05..=1.0).contains(&share) {
        format!(", {:.0}% of the run", 100.0 * share)
    } else {
        String::new()
    }
}

pub(super) fn stages(run: &RunRecord) -> Markup {
    if run.stages.is_empty() {
        return html! { p { "The record lists no stages." } };
    }
    let total: u64 = run.stages.iter().fold(0, |sum, stage| sum.saturating_add(stage.parameters));
    let live = run.stages.iter().filter(|stage| stage.live);
    let live = live.fold(0u64, |sum, stage| sum.saturating_add(trained(run, stage)));
    html! {
        p {
            (numbers::count(live)) " of " (numbers::counted(total, "parameter")) " are live in step fine-tune"
            @if total > 0 { " (" (numbers::percent(live as f64 / total as f64)) ")" }
            "; the rest stays frozen: no gradient, and batch-norm statistics that do not change."
        }
        ol.network aria-label="Stages from input to head" {
            @for stage in &run.stages {
                li class=(if stage.live { "live" } else { "frozen" }) {
                    b { (stage.name) }
                    @if stage.live { "live, rate × " (numbers::significant(stage.rate_scale)) } @else { "frozen" }
                }
            }
        }
        (scroll("Stages", &stage_table(run)))
    }
}

fn stage_table(run: &RunRecord) -> Markup {
    html! {
        table.wide {
            caption {
                "From input to head. The digest is the SHA-256 of a stage’s parameters and buffers; "
                "it proves that frozen stages did not change."
            }
            thead {
                tr {
                    th scope="col" { "Stage" } th.num scope="col" { "Parameters" } th scope="col" { "State" }
                    th scope="col" { "Thaws" } th.num scope="col" { "Rate" } th scope="col" { "Digest before" } th scope="col" { "Digest after" }
                    th scope="col" { "Proof" }
                }
            }
            tbody {
                @for stage in &run.stages {
                    tr {
                        th scope="row" { (stage.name) }
                        td.num { (numbers::count(stage.parameters)) }
                        td { @if stage.live { "live" } @else { "frozen" } }
                        td.nowrap { (thaw(run, &stage.name)) }
                        td.num { @if stage.live { "× " (numbers::significant(stage.rate_scale)) } @else { "–" } }
                        td { code { (short(&stage.digest_before)) } }
                        td { code { (short(&stage.digest_after)) } }
                        td.nowrap { (proof(stage, trained(run, stage))) }
                    }
                }
            }
        }
    }
}

/// Number of values that step `fine-tune` trains of a live stage: its parameters, or fewer in their place.
fn trained(run: &RunRecord, stage: &StageRecord) -> u64 {
    let fine_tune = run.plan.iter().find(|plan| plan.phase == StepName::FineTune.name());
    let planned = fine_tune.and_then(|plan| plan.stages.iter().find(|planned| planned.name == stage.name));
    planned.map_or(stage.parameters, |planned| planned.parameters)
}

/// Phase and epoch in which a stage is first trained, as planned.
fn thaw(run: &RunRecord, stage: &str) -> String {
    let first = run.plan.iter().find_map(|plan| {
        let planned = plan.stages.iter().find(|planned| planned.name == stage && planned.parameters > 0)?;
        planned.thaws.map(|epoch| format!("{}, epoch {epoch}", plan.phase))
    });
    first.unwrap_or_else(|| "–".to_owned())
}

fn proof(stage: &StageRecord, trained: u64) -> Markup {
    let known = !stage.digest_before.is_empty() && !stage.digest_after.is_empty();
    match (known, stage.digest_before == stage.digest_after, stage.live) {
        (false, _, _) => html! { span.muted { "no digest" } },
        (true, true, false) => html! { span.right { "✓ unchanged" } },
        (true, false, false) => html! { strong.wrong { "✗ changed although frozen" } },
        (true, false, true) => html! { "trained" },
        (true, true, true) if trained == 0 => html! { span.muted { "nothing to train" } },
        (true, true, true) => html! { "live, yet unchanged" },
    }
}

/// The first digits of a digest, enough to compare by eye.
fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}
