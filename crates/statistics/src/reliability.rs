//! Reliability of stated probabilities: whether what was said with 80 % happened in 80 % of the cases.

use crate::mean;

/// A stated probability and what came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Stated probability, in `0..=1`.
    pub probability: f64,
    /// Whether it happened.
    pub happened: bool,
}

/// Forecasts of about the same probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Mean of the stated probabilities.
    pub stated: f64,
    /// Share that happened.
    pub happened: f64,
    /// Number of forecasts.
    pub count: usize,
}

/// Forecasts in bins of equal width, empty bins left out, from the least probable to the most.
#[must_use]
pub fn bins(forecasts: &[Forecast], count: usize) -> Vec<Bin> {
    let place = |forecast: &Forecast| {
        let place = (forecast.probability.clamp(0.0, 1.0) * count as f64) as usize;
        place.min(count.saturating_sub(1))
    };
    let bin = |number: usize| {
        let of: Vec<&Forecast> = forecasts.iter().filter(|forecast| place(forecast) == number).collect();
        let stated: Vec<f64> = of.iter().map(|forecast| forecast.probability).collect();
        let happened = of.iter().filter(|forecast| forecast.happened).count();
        (!of.is_empty()).then(|| Bin {
            stated: mean(&stated),
            happened: happened as f64 / of.len() as f64,
            count: of.len(),
        })
    };
    (0..count).filter_map(bin).collect()
}

/// Mean squared difference of stated probability and what happened (Brier 1950), in `0..=1`; 0.25 for always saying a half.
/// `None` without forecasts. As `sklearn.metrics.brier_score_loss`.
#[must_use]
pub fn brier(forecasts: &[Forecast]) -> Option<f64> {
    let squares: Vec<f64> = forecasts
        .iter()
        .map(|forecast| (forecast.probability - f64::from(u8::from(forecast.happened))).powi(2))
        .collect();
    (!squares.is_empty()).then(|| mean(&squares))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn honest_forecasts_happen_as_often_as_they_say_and_boasts_do_not() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let mut draw = |boast: f64| -> Vec<Forecast> {
            (0..4000)
                .map(|_| {
                    let truth = random.random::<f64>();
                    let happened = random.random::<f64>() < truth;
                    Forecast { probability: (truth + boast).min(1.0), happened }
                })
                .collect()
        };
        let (honest, boasting) = (draw(0.0), draw(0.2));
        let found = bins(&honest, 5);
        assert_eq!(found.len(), 5);
        assert_eq!(found.iter().map(|bin| bin.count).sum::<usize>(), 4000);
        assert!(found.iter().all(|bin| (bin.stated - bin.happened).abs() < 0.06), "{found:?}");
        assert!(bins(&boasting, 5).iter().any(|bin| bin.stated - bin.happened > 0.15));
        assert!(brier(&honest).unwrap() < brier(&boasting).unwrap());
    }

    #[test]
    fn brier_is_that_of_scikit_learn() {
        // brier_score_loss([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.3]) = 0.0375 (scikit-learn 1.7)
        let forecast = |probability, happened| Forecast { probability, happened };
        let all = [forecast(0.1, false), forecast(0.9, true), forecast(0.8, true), forecast(0.3, false)];
        assert!((brier(&all).unwrap() - 0.0375).abs() < 1e-12);
        assert_eq!(brier(&[]), None);
        assert_eq!(bins(&all, 1).len(), 1);
        assert!(bins(&[], 5).is_empty() && bins(&all, 0).is_empty());
    }
}
