//! What is drawn for a batch, and what is made of it.

use regularize::{Blend, Mixing, Targets};
use tch::{Device, Kind, Tensor};

fn shares(mixing: Mixing, draws: u64) -> Vec<f64> {
    let share = |batch| match mixing.draw(1, 1, batch, 4, [32, 32])?.blend {
        Blend::Mixup { share } => Some(share),
        Blend::Cutmix(patch) => Some(patch.share_left(32, 32)),
    };
    (0..draws).map(|batch| share(batch).expect("a draw")).collect()
}

#[test]
fn a_draw_depends_on_seed_epoch_and_batch_alone() {
    let mixing = Mixing { mixup: 0.4, cutmix: 1.0 };
    let draw = |seed, epoch, batch| mixing.draw(seed, epoch, batch, 16, [24, 24]);
    let first = draw(1, 2, 3);
    tch::manual_seed(99);
    assert_eq!(draw(1, 2, 3), first);
    for other in [draw(9, 2, 3), draw(1, 9, 3), draw(1, 2, 9)] {
        assert_ne!(other, first);
    }
    let mut partners = first.expect("a draw").partners;
    partners.sort_unstable();
    assert_eq!(partners, (0..16).collect::<Vec<_>>());
    assert_eq!(Mixing::default().draw(1, 2, 3, 16, [24, 24]), None);
    assert!(mixing.varies() && !Mixing::default().varies());
}

#[test]
fn shares_have_the_mean_and_variance_of_beta() {
    for alpha in [0.2, 1.0, 4.0] {
        let drawn = shares(Mixing { mixup: alpha, cutmix: 0.0 }, 20_000);
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
        let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
        assert!(drawn.iter().all(|share| (0.0..=1.0).contains(share)));
        assert!(
            (mean - 0.5).abs() < 0.02 && (variance / expected - 1.0).abs() < 0.05,
            "{alpha}: {mean} {variance}"
        );
    }
}

#[test]
fn both_techniques_come_half_and_half() {
    let mixing = Mixing { mixup: 0.2, cutmix: 1.0 };
    let cuts = (0..2000).filter(|&batch| {
        matches!(mixing.draw(5, 1, batch, 2, [8, 8]).map(|draw| draw.blend), Some(Blend::Cutmix(_)))
    });
    // Five standard deviations around 1000.
    assert!((888..1113).contains(&cuts.count()));
}

/// Each image shows its own number and its label is its number, so that pixels tell what the targets should be.
#[test]
fn pixels_and_targets_are_mixed_alike() {
    let count = 6;
    let labels = Tensor::arange(count, (Kind::Int64, Device::Cpu));
    let pixels = labels.to_kind(Kind::Double).view([count, 1, 1, 1]).expand([count, 3, 10, 7], false).copy();
    for mixing in [Mixing { mixup: 1.0, cutmix: 0.0 }, Mixing { mixup: 0.0, cutmix: 1.0 }] {
        for batch in 0..20 {
            let draw = mixing.draw(3, 1, batch, 6, [10, 7]).expect("a draw");
            let (mixed, targets) = draw.apply(&pixels, &labels);
            let Targets::Mixed { first, second, share } = targets else { panic!("{targets:?}") };
            assert_eq!(Vec::<i64>::try_from(&second).expect("numbers"), draw.partners);
            let expected = first.to_kind(Kind::Double) * share + second.to_kind(Kind::Double) * (1.0 - share);
            let shown = mixed.flatten(1, -1).mean_dim(1, false, None::<Kind>);
            assert!((shown - expected).abs().max().double_value(&[]) < 1e-12, "{draw:?}");
        }
    }
    let unchanged = pixels.mean(Kind::Double).double_value(&[]);
    assert!((unchanged - 2.5).abs() < 1e-12, "the batch itself was changed");
}
