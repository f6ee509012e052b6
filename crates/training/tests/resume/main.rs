//! Training that is stopped and goes on from its saved state is, to the bit, training that was left alone: 60 random runs, each
//! stopped at three places. They draw random numbers of libtorch, which has one generator for all threads, so this is the only
//! test of its process.

mod random_run;
mod stopped;

use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

use self::random_run::{Images, RandomRun};
use self::stopped::{Kept, Moment, Trained};
use training::SaveMoment;

const RUNS: u64 = 60;
const STOPS: usize = 3;

#[test]
fn a_run_that_goes_on_from_a_saved_state_is_one_that_was_left_alone() {
    torch_extra::determinism::fix(0, 1);
    let folder = tempfile::tempdir().unwrap();
    let images = Images::draw(folder.path());
    let (mut in_epochs, mut between, mut at_ends, mut in_both) = (0, 0, 0, [0, 0]);
    for number in 0..RUNS {
        let run = RandomRun::of(number);
        let (whole, moments) = run.left_alone(&images);
        assert!(whole.steps.len() > 3, "{number}: {run:?}");
        for stop in stops(number, &moments) {
            let kept: Kept = run.stopped(&images, stop);
            let resumed: Trained = run.resumed(&images, &kept);
            let what = format!("run {number} stopped at {:?} ({stop}): {run:?}", moments[stop]);
            // What was emitted until then, and from then on.
            let before = usize::try_from(kept.numbers().steps_before + kept.numbers().steps).unwrap();
            assert_eq!(whole.steps[before..], resumed.steps, "{what}");
            assert_eq!(whole.epochs, resumed.epochs, "{what}");
            assert_eq!(whole.ends, resumed.ends, "{what}");
            assert_eq!(whole.digests, resumed.digests, "{what}");
            assert_eq!(whole.validation, resumed.validation, "{what}");
            match moments[stop].save {
                SaveMoment::Step => in_epochs += 1,
                SaveMoment::Epoch => between += 1,
                SaveMoment::End => at_ends += 1,
            }
            in_both[usize::from(moments[stop].phase == "fine-tune")] += 1;
        }
    }
    eprintln!(
        "{in_epochs} stops in epochs, {between} between them, {at_ends} at ends of phases; {in_both:?}"
    );
    assert!(in_epochs > 60 && between > 15 && at_ends > 5 && in_both.iter().all(|&count| count > 15));
}

/// Chooses moments at which a run is stopped: one within an epoch, one between two, and any.
fn stops(seed: u64, moments: &[Moment]) -> [usize; STOPS] {
    let mut random = ChaCha8Rng::seed_from_u64(seed.wrapping_add(1000));
    let among = |kind: SaveMoment| -> Vec<usize> {
        (0..moments.len()).filter(|&place| moments[place].save == kind).collect()
    };
    let mut one_of = |places: Vec<usize>| match places.len() {
        0 => random.random_range(0..moments.len()),
        count => places[random.random_range(0..count)],
    };
    [one_of(among(SaveMoment::Step)), one_of(among(SaveMoment::Epoch)), one_of(Vec::new())]
}
