use crate::decision::Decision;
use crate::gate::{self, Gate};
use crate::measured::{HeldOut, Measured};
use crate::next::{Cell, CellResult, End, Next};
use crate::posterior::{Field, Normals, Posterior};
use crate::prior::{Condition, Prior};
use crate::rules::{Budget, Measure, Rules};
use crate::{Arm, Error, Images, Tier};

/// A race in progress: what was measured, which arms were dropped, and what it cost.
#[derive(Clone, Debug)]
pub struct Race {
    arms: Vec<Arm>,
    images: Images,
    rules: Rules,
    budget: Budget,
    prior: Prior,
    seed: u64,
    normals: Normals,
    measured: Vec<Measured>,
    dropped: Vec<Option<Dropped>>,
    gate: Option<Gate>,
    unlike: bool,
    /// The best of the linear arms that other arms end as.
    early_end: Option<usize>,
    spent: Spent,
}

/// What a race is set up with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The arms, the preferred first. An arm comes after the one it rides on.
    pub arms: Vec<Arm>,
    /// The training images.
    pub images: Images,
    /// Thresholds.
    pub rules: Rules,
    /// How much it may cost.
    pub budget: Budget,
    /// What is expected of the arms.
    pub prior: Prior,
    /// Seed of the draws.
    pub seed: u64,
}

/// Why and when an arm was dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropped {
    /// Number of folds it was measured on.
    pub folds: usize,
    /// Probability that it is close to the best, below [`Rules::drop_below`].
    pub close: f64,
}

/// What a race has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Final runs that train everything, as planned.
    pub final_runs: f64,
    /// Wall-clock minutes.
    pub minutes: f64,
}

impl Race {
    /// Returns a race in which nothing is measured yet.
    ///
    /// # Errors
    /// [`Error::NoArms`].
    pub fn new(setup: Setup) -> Result<Self, Error> {
        let Setup { arms, images, rules, budget, prior, seed } = setup;
        if arms.is_empty() {
            return Err(Error::NoArms);
        }
        let (measured, dropped) = (vec![Measured::default(); arms.len()], vec![None; arms.len()]);
        let (spent, normals) = (Spent::default(), Normals::new(seed, images.blocks(), arms.len()));
        Ok(Self {
            arms,
            images,
            rules,
            budget,
            prior,
            seed,
            normals,
            measured,
            dropped,
            gate: None,
            unlike: false,
            early_end: None,
            spent,
        })
    }

    /// Returns what comes next: tier by tier, fold by fold, so that every arm of a tier that is not dropped is measured on
    /// the same folds. A tier ends early once the arm in front is expected to be as good as the best of those measured.
    #[must_use]
    pub fn next(&self) -> Next {
        match self.next_cell() {
            Ok((cell, _)) => Next::Run(cell),
            Err(end) => Next::Over(end),
        }
    }

    /// The cell that comes next, with the share of the budget that its tier may use.
    fn next_cell(&self) -> Result<(Cell, f64), End> {
        let (mut waits, mut settled) = (false, false);
        for (tier, share) in self.schedule() {
            for fold in 0..self.images.folds() {
                let open: Vec<usize> =
                    self.racing(tier).filter(|&arm| !self.measured[arm].folds.contains(&fold)).collect();
                let begins = open.len() == self.racing(tier).count();
                let may_end = tier != Tier::Free && begins && fold >= self.folds_before_drop(tier);
                if !open.is_empty() && may_end && self.is_settled() {
                    settled = true;
                    break;
                }
                let affordable = |arm: &&usize| self.allows(**arm, self.spent, share);
                match open.iter().find(affordable) {
                    Some(&arm) => return Ok((Cell { arm, fold }, share)),
                    None => waits |= !open.is_empty() && share >= 1.0,
                }
            }
        }
        Err(match (waits, settled) {
            (true, _) => End::Budget,
            (false, true) => End::Settled,
            (false, false) => End::Complete,
        })
    }

    /// The tiers in the order of trying, each with the share of the budget that may be used until it is over. Arms on cached
    /// outputs leave half of it to deep arms where those can pay.
    fn schedule(&self) -> Vec<(Tier, f64)> {
        use Tier::{Cached, Deep, Free, Further};
        match (&self.gate, self.unlike) {
            (Some(Gate::Open(_)), true) => vec![(Free, 1.0), (Deep, 1.0), (Cached, 1.0), (Further, 1.0)],
            (Some(Gate::Open(_)), false) => {
                vec![(Free, 1.0), (Cached, 0.5), (Deep, 1.0), (Cached, 1.0), (Further, 1.0)]
            }
            _ => vec![(Free, 1.0), (Cached, 1.0)],
        }
    }

    /// Returns the cells that come next whatever these come to, in their order: those of one tier and fold that the budget
    /// still allows. None when the race is over.
    #[must_use]
    pub fn round(&self) -> Vec<Cell> {
        let Ok((Cell { arm, fold }, share)) = self.next_cell() else { return Vec::new() };
        let (tier, mut spent) = (self.arms[arm].tier, self.spent);
        let arms = self.racing(tier).filter(|&arm| !self.measured[arm].folds.contains(&fold));
        let allowed = arms.filter(|&arm| {
            let allowed = self.allows(arm, spent, share);
            spent.final_runs += if allowed { self.arms[arm].fold_cost } else { 0.0 };
            allowed
        });
        allowed.map(|arm| Cell { arm, fold }).collect()
    }

    /// Adds the result of a cell, and drops what cannot win any more once all arms of its tier have this fold.
    ///
    /// # Errors
    /// [`Error::Results`] where they do not belong to the cell.
    pub fn record(&mut self, result: &CellResult) -> Result<(), Error> {
        let Cell { arm, fold } = result.cell;
        self.check(result)?;
        for HeldOut { arm, answers } in &result.held_out {
            self.measured[*arm].add(fold, answers, &self.images);
        }
        self.spent.final_runs += self.arms[arm].fold_cost;
        self.spent.minutes += result.minutes;
        let tier = self.arms[arm].tier;
        if tier == Tier::Free && self.is_round_over(tier, self.images.folds() - 1) {
            let field = Field { condition: Condition::of(&self.images, false), ..self.field() };
            let unlike = gate::is_unlike(&field, &Posterior::of(&field, gate::LIKENESS));
            let early_end = gate::best_early_end(&field, &Posterior::of(&field, self.prior.decide_by));
            (self.unlike, self.early_end) = (unlike, early_end);
        } else if tier != Tier::Free
            && self.is_round_over(tier, fold)
            && fold + 1 >= self.folds_before_drop(tier)
        {
            self.drop_losers(tier);
        }
        if !tier.is_deep() && (self.gate.is_none() || self.is_round_over(tier, fold)) {
            self.gate = self.gate_now();
        }
        Ok(())
    }

    /// Returns the decision as of now; `None` before anything was measured.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        let dropped: Vec<bool> = self.dropped.iter().map(Option::is_some).collect();
        gate::choice(&self.field(), &dropped, self.prior.decide_by)
    }

    /// The arms.
    #[must_use]
    pub fn arms(&self) -> &[Arm] {
        &self.arms
    }

    /// The images.
    #[must_use]
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// Thresholds.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// How much the race may cost.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// What it has cost.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.spent
    }

    /// What is known of an arm.
    #[must_use]
    pub fn measured(&self, arm: usize) -> &Measured {
        &self.measured[arm]
    }

    /// Why an arm was dropped; `None` for one that was not.
    #[must_use]
    pub fn dropped(&self, arm: usize) -> Option<Dropped> {
        self.dropped[arm]
    }

    /// Whether deep arms are tried; `None` before that is known.
    #[must_use]
    pub fn gate(&self) -> Option<&Gate> {
        self.gate.as_ref()
    }

    /// What the decision is by.
    #[must_use]
    pub fn decided_by(&self) -> Measure {
        self.prior.decide_by
    }

    /// Whether an earlier stage tells the classes apart better than the last one.
    #[must_use]
    pub fn is_unlike(&self) -> bool {
        self.unlike
    }

    /// What was measured and what was expected.
    #[must_use]
    pub fn field(&self) -> Field<'_> {
        Field {
            arms: &self.arms,
            images: &self.images,
            measured: &self.measured,
            prior: &self.prior,
            condition: Condition::of(&self.images, self.unlike),
            normals: &self.normals,
            seed: self.seed,
        }
    }

    /// Arms of a tier that are trained by themselves and not dropped.
    fn racing(&self, tier: Tier) -> impl Iterator<Item = usize> {
        (0..self.arms.len()).filter(move |&arm| {
            let Arm { tier: own, rides_on, ends_as, .. } = &self.arms[arm];
            let ends_well = ends_as.is_none() || *ends_as == self.early_end;
            *own == tier && rides_on.is_none() && ends_well && !self.is_out(arm)
        })
    }

    /// Whether an arm and all that ride on it were dropped.
    fn is_out(&self, arm: usize) -> bool {
        self.crew(arm).all(|arm| self.dropped[arm].is_some())
    }

    /// An arm and those that ride on it.
    fn crew(&self, arm: usize) -> impl Iterator<Item = usize> {
        (0..self.arms.len()).filter(move |&other| other == arm || self.arms[other].rides_on == Some(arm))
    }

    fn folds_before_drop(&self, tier: Tier) -> usize {
        if tier.is_deep() { 1 } else { self.rules.folds_before_drop }
    }

    fn is_round_over(&self, tier: Tier, fold: usize) -> bool {
        self.racing(tier).all(|arm| self.measured[arm].folds.contains(&fold))
    }

    /// Whether this share of the budget allows one more fold of an arm after this was spent.
    fn allows(&self, arm: usize, spent: Spent, share: f64) -> bool {
        if self.arms[arm].tier == Tier::Free {
            return true;
        }
        let cost = self.arms[arm].fold_cost;
        let slack = 1e-9;
        match self.budget {
            Budget::FinalRuns(limit) => spent.final_runs + cost <= share * limit + slack,
            Budget::Minutes(limit) => {
                let pace = spent.minutes / spent.final_runs.max(f64::MIN_POSITIVE);
                let expected = if spent.final_runs > 0.0 { cost * pace } else { 0.0 };
                spent.minutes + expected <= share * limit
            }
        }
    }

    /// Returns whether deep arms can pay, once the tiers before them are over; `None` until then.
    fn gate_now(&self) -> Option<Gate> {
        let last = self.images.folds().checked_sub(1)?;
        let free = self.is_round_over(Tier::Free, last);
        let begun = self.racing(Tier::Cached).all(|arm| {
            self.measured[arm].folds.len() >= self.rules.folds_before_drop.min(last + 1)
                || !self.allows(arm, self.spent, 1.0)
        });
        let field = self.field();
        (free && (begun || self.unlike))
            .then(|| gate::gate(&field, &Posterior::of(&field, self.prior.decide_by), &self.rules))
    }

    fn is_settled(&self) -> bool {
        let Some(decision) = self.decision() else { return false };
        let posterior = Posterior::of(&self.field(), Measure::Accuracy);
        let left: Vec<usize> = (0..posterior.arms.len())
            .filter(|&place| self.dropped[posterior.arms[place]].is_none())
            .collect();
        let chosen = posterior.place(decision.chosen);
        chosen.is_some_and(|chosen| posterior.expected_loss(&left, chosen) < self.rules.settled)
    }

    /// Drops the arms of a tier that are close to the best with hardly any probability, but for what would be chosen now.
    fn drop_losers(&mut self, tier: Tier) {
        let Some(Decision { chosen, leader, .. }) = self.decision() else { return };
        let posterior = Posterior::of(&self.field(), Measure::Accuracy);
        let left: Vec<usize> = (0..posterior.arms.len())
            .filter(|&place| self.dropped[posterior.arms[place]].is_none())
            .collect();
        let close = posterior.close_to_best(&left, self.rules.close);
        for (&place, close) in left.iter().zip(close) {
            let arm = posterior.arms[place];
            let spared = arm == chosen || arm == leader || self.arms[arm].tier != tier;
            if close < self.rules.drop_below && !spared {
                self.dropped[arm] = Some(Dropped { folds: self.measured[arm].folds.len(), close });
            }
        }
    }

    fn check(&self, result: &CellResult) -> Result<(), Error> {
        let Cell { arm, fold } = result.cell;
        let name = self.arms.get(arm).map_or_else(|| format!("arm {arm}"), |arm| arm.name.clone());
        let wrong =
            |problem: &str| Err(Error::Results { arm: name.clone(), fold, problem: problem.to_owned() });
        if arm >= self.arms.len() || fold >= self.images.folds() {
            return wrong("there is no such arm or fold");
        }
        let images = self.images.held_out(fold).len();
        let mut measured: Vec<usize> = result.held_out.iter().map(|it| it.arm).collect();
        measured.sort_unstable();
        if measured != self.crew(arm).collect::<Vec<_>>() {
            return wrong("they must be those of the arm and of all that ride on it");
        }
        if self.measured[arm].folds.contains(&fold) {
            return wrong("they are known already");
        }
        if !result.held_out.iter().all(|it| it.answers.fit(images, self.images.classes())) {
            return wrong("every held-out image needs answers, and finite ones");
        }
        Ok(())
    }
}
