//! An optimizer step that several processes take together: gradients are summed while the backward pass runs, and what
//! batch-norm learned of the batches is put together as if one process had seen them in their order.

use backbone::RunningStatistics;
use tch::{Device, Kind, Tensor};
use team::Team;
use torch_extra::distributed::Reducer;

/// Means by which the processes take a step together; nothing for a process that takes it alone.
#[derive(Debug, Default)]
pub struct Spread(Option<Together>);

#[derive(Debug)]
struct Together {
    team: Team,
    reducer: Reducer,
    /// The parameters that have a gradient in every step.
    parameters: Vec<Tensor>,
    norms: Norms,
}

impl Spread {
    /// Returns the means of a process that takes steps alone.
    #[must_use]
    pub fn alone() -> Self {
        Self(None)
    }

    /// Returns those that sum the gradients of these parameters, each of which has one in every step, and put the statistics of these
    /// batch-norms together.
    ///
    /// # Errors
    /// When the parameters of another process differ, or it is gone.
    pub fn of(
        team: &Team,
        parameters: Vec<Tensor>,
        norms: Vec<RunningStatistics>,
    ) -> Result<Self, team::Error> {
        let reducer = team.reducer(&parameters)?;
        let norms = Norms { layers: norms, before: Vec::new() };
        Ok(Self(reducer.map(|reducer| Together { team: team.clone(), reducer, parameters, norms })))
    }

    /// The processes.
    #[must_use]
    pub fn team(&self) -> Team {
        self.0.as_ref().map_or_else(Team::alone, |together| together.team.clone())
    }

    /// Begins a step.
    pub fn begin(&mut self) {
        if let Some(Together { norms, .. }) = &mut self.0 {
            norms.remember();
        }
    }

    /// Sums the gradients over all processes in the next backward pass.
    ///
    /// # Errors
    /// When another process is gone.
    pub fn expect(&mut self) -> Result<(), team::Error> {
        match &mut self.0 {
            None => Ok(()),
            Some(Together { team, reducer, .. }) => reducer.expect().map_err(|error| team.lost(&error)),
        }
    }

    /// Computes the gradients of a loss.
    ///
    /// # Errors
    /// When another process is gone.
    ///
    /// # Panics
    /// When libtorch fails in a process that is alone, as every operation of tch does.
    pub fn backward(&self, loss: &Tensor) -> Result<(), team::Error> {
        match &self.0 {
            None => loss.backward(),
            Some(Together { team, .. }) => loss.f_backward().map_err(|error| team.lost(&error))?,
        }
        Ok(())
    }

    /// Takes part in the sum without a batch of its own: gradients of zero.
    ///
    /// # Errors
    /// When another process is gone.
    pub fn add_nothing(&mut self) -> Result<(), team::Error> {
        self.expect()?;
        let Some(Together { parameters, .. }) = &self.0 else { return Ok(()) };
        let zeros = parameters.iter().map(|parameter| (parameter * 0.0).sum(parameter.kind()));
        match zeros.reduce(|sum, zero| sum + zero) {
            Some(zero) => self.backward(&zero),
            None => Ok(()),
        }
    }

    /// Ends the sum of a step's gradients.
    ///
    /// # Errors
    /// When a parameter had no gradient.
    pub fn finish(&mut self) -> Result<(), team::Error> {
        match &mut self.0 {
            None => Ok(()),
            Some(Together { reducer, .. }) => {
                reducer.finished().map_err(|error| team::Error::Torch(error.to_string()))
            }
        }
    }

    /// Gives batch-norm back the running statistics from before a step that was not taken.
    pub fn undo(&mut self) {
        if let Some(Together { norms, .. }) = &mut self.0 {
            norms.restore();
        }
    }

    /// Gives batch-norm the running statistics that one process would have after the step.
    ///
    /// # Errors
    /// When another process is gone.
    pub fn merge_norms(&mut self) -> Result<(), team::Error> {
        match &mut self.0 {
            Some(Together { team, norms, .. }) if !norms.layers.is_empty() => norms.merge(team),
            _ => Ok(()),
        }
    }
}

/// The live batch-norms of a network.
#[derive(Debug)]
struct Norms {
    layers: Vec<RunningStatistics>,
    /// Their statistics before the step.
    before: Vec<Before>,
}

/// Statistics of a batch-norm before a step.
#[derive(Debug)]
struct Before {
    /// `[C]`, float64.
    mean: Tensor,
    /// `[C]`, float64.
    variance: Tensor,
    batches: i64,
}

impl Norms {
    fn remember(&mut self) {
        let counts = self.counts();
        let wide = |tensor: &Tensor| tensor.detach().to_device(Device::Cpu).to_kind(Kind::Double).copy();
        self.before = (self.layers.iter().zip(counts))
            .map(|(norm, batches)| Before { mean: wide(&norm.mean), variance: wide(&norm.variance), batches })
            .collect();
    }

    fn restore(&self) {
        let _no_gradient = tch::no_grad_guard();
        for (norm, Before { mean, variance, batches }) in self.layers.iter().zip(&self.before) {
            norm.mean.shallow_clone().copy_(mean);
            norm.variance.shallow_clone().copy_(variance);
            let _ = norm.batches.shallow_clone().fill_(*batches);
        }
    }

    /// Number of batches that have moved each.
    fn counts(&self) -> Vec<i64> {
        let counts: Vec<&Tensor> = self.layers.iter().map(|norm| &norm.batches).collect();
        if counts.is_empty() {
            return Vec::new();
        }
        let stacked = Tensor::stack(&counts, 0).to_device(Device::Cpu);
        Vec::<i64>::try_from(&stacked).unwrap_or_default()
    }

    /// With m the share of a batch, process r has moved the common statistics R0 by n batches to L. One process would have moved
    /// them by all N batches in order, to
    ///
    /// `R0 (1 - m)^N + Σ_r (1 - m)^(batches after r's) (L_r - (1 - m)^n_r R0)`.
    fn merge(&mut self, team: &Team) -> Result<(), team::Error> {
        let (rank, world, layers) = (team.rank(), team.world(), self.layers.len());
        let own =
            self.counts().into_iter().zip(&self.before).map(|(now, before)| (now - before.batches) as f64);
        let mut moved = vec![0.0; world * layers];
        own.enumerate().for_each(|(layer, count)| moved[layer * world + rank] = count);
        team.sum(&mut moved)?;
        let _no_gradient = tch::no_grad_guard();
        let mut terms = Vec::new();
        for ((norm, before), moved) in self.layers.iter().zip(&self.before).zip(moved.chunks_exact(world)) {
            let stays = 1.0 - norm.momentum;
            let after: f64 = moved[rank + 1..].iter().sum();
            let all: f64 = moved.iter().sum();
            let values = [(&norm.mean, &before.mean), (&norm.variance, &before.variance)];
            terms.extend(values.map(|(now, before)| {
                let now = now.detach().to_device(Device::Cpu).to_kind(Kind::Double);
                let own = (now - before * stays.powf(moved[rank])) * stays.powf(after);
                if rank == 0 { own + before * stays.powf(all) } else { own }
            }));
        }
        let lengths: Vec<i64> = terms.iter().map(|term| term.size()[0]).collect();
        let mut merged = Tensor::cat(&terms, 0);
        team.sum_tensor(&mut merged)?;
        let mut merged = merged.split_with_sizes(lengths, 0).into_iter();
        for ((norm, before), moved) in self.layers.iter().zip(&self.before).zip(moved.chunks_exact(world)) {
            let (Some(mean), Some(variance)) = (merged.next(), merged.next()) else { break };
            let all: f64 = moved.iter().sum();
            // What nobody has moved keeps its bits.
            if all > 0.0 {
                norm.mean.shallow_clone().copy_(&mean);
                norm.variance.shallow_clone().copy_(&variance);
                let _ = norm.batches.shallow_clone().fill_(before.batches + all as i64);
            }
        }
        Ok(())
    }
}
