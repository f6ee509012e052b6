use crate::Arm;
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

/// Returns the choice among these `candidates`, by index of arm: of all that lie within one standard error of the one in front
/// those of the cheapest tier, of these those of the first network, and of these the one that lies furthest ahead. So what
/// the images cannot tell apart is decided by cost, and what costs the same by what is more likely. `None` without candidates
/// that are measured.
#[must_use]
pub fn decide(posterior: &Posterior, arms: &[Arm], candidates: &[usize]) -> Option<Decision> {
    let places: Vec<usize> = candidates.iter().filter_map(|&arm| posterior.place(arm)).collect();
    let ahead = |&one: &usize, &other: &usize| posterior.mean[other].total_cmp(&posterior.mean[one]);
    // Of equals `min_by` takes the first.
    let leader = places.iter().copied().min_by(ahead)?;
    let candidate = |&place: &usize| Candidate {
        arm: posterior.arms[place],
        behind: posterior.mean[leader] - posterior.mean[place],
        error: posterior.error(leader, place),
    };
    let candidates: Vec<Candidate> = places.iter().map(candidate).collect();
    let cost = |candidate: &Candidate| (arms[candidate.arm].tier, arms[candidate.arm].network);
    let within = candidates.iter().filter(|it| it.behind <= it.error);
    let preferred =
        within.min_by(|one, other| cost(one).cmp(&cost(other)).then(one.behind.total_cmp(&other.behind)));
    let chosen = preferred?.arm;
    Some(Decision { chosen, leader: posterior.arms[leader], candidates })
}
