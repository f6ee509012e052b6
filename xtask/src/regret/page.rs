use super::outcome::Outcome;

/// The whole page.
pub(super) fn markdown(outcomes: &[Outcome]) -> String {
    outcomes.iter().map(Outcome::text).collect()
}
