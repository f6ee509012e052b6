use crate::posterior::Posterior;

/// The arm to take, and what was weighed.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The arm.
    pub chosen: usize,
    /// The arm with the highest mean.
    pub leader: usize,
    /// How each candidate stands.
    pub candidates: Vec<Candidate>,
}

/// A candidate for the choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The arm.
    pub arm: usize,
    /// How far the leader lies ahead, 0 or more: points, or shares of the first arm's loss.
    pub behind: f64,
    /// Standard error of that.
    pub error: f64,
}

/// Returns the first of these arms, in the order of preference, that lies within one standard error of the one in front;
/// `None` without arms that are measured.
#[must_use]
pub fn decide(posterior: &Posterior, arms: &[usize]) -> Option<Decision> {
    let places: Vec<usize> = arms.iter().filter_map(|&arm| posterior.place(arm)).collect();
    let front =
        |best: usize, next: usize| if posterior.mean[next] > posterior.mean[best] { next } else { best };
    let leader = places.iter().copied().reduce(front)?;
    let candidate = |&place: &usize| Candidate {
        arm: posterior.arms[place],
        behind: posterior.mean[leader] - posterior.mean[place],
        error: posterior.error(leader, place),
    };
    let candidates: Vec<Candidate> = places.iter().map(candidate).collect();
    let within = candidates.iter().filter(|it| it.behind <= it.error);
    let chosen = within.map(|it| it.arm).min()?;
    Some(Decision { chosen, leader: posterior.arms[leader], candidates })
}
