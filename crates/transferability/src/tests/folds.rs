use crate::folds::{Folds, deal, deal_groups};

#[test]
fn folds_hold_out_a_share_of_each_class_and_never_the_only_image() {
    let labels = [vec![0; 11], vec![1; 2], vec![2; 1]].concat();
    let folds = deal(&labels, 3, 5, 7);
    assert_eq!((folds.count(), folds.of()[13]), (5, None));
    let held = |class: usize, fold| {
        labels.iter().zip(folds.of()).filter(|&(&l, &f)| l == class && f == Some(fold)).count()
    };
    assert!((0..5).all(|fold| (2..=3).contains(&held(0, fold))));
    assert_ne!(folds.of()[11], folds.of()[12]);
    assert_eq!(folds.held_out(), (0..13).collect::<Vec<_>>());
    for fold in 0..5 {
        let (held, fitted) = (folds.held_out_by(fold), folds.fitted_by(fold));
        assert_eq!(held.len() + fitted.len(), 14);
        assert!(fitted.contains(&13) && held.iter().all(|image| !fitted.contains(image)));
    }
    assert_eq!(folds, deal(&labels, 3, 5, 7));
    assert_ne!(folds, deal(&labels, 3, 5, 8));
}

#[test]
fn folds_hold_out_whole_groups() {
    let labels: Vec<usize> = (0..60).map(|place| place % 3).collect();
    let groups: Vec<Option<u32>> = (0..60).map(|place| (place < 54).then_some(place / 6)).collect();
    let folds = deal_groups(&labels, 3, &groups, 5, 1);
    assert!(folds.of().iter().all(Option::is_some));
    for group in 0..9 {
        let of_group: Vec<_> =
            (0..60).filter(|&place| groups[place] == Some(group)).map(|p| folds.of()[p]).collect();
        assert!(of_group.iter().all(|fold| *fold == of_group[0]), "group {group}");
    }
    assert!((0..5).all(|fold| (6..=18).contains(&folds.held_out_by(fold).len())), "{folds:?}");
    // A class of one group could not be learned from while that is held out.
    let folds = deal_groups(&[0, 0, 1, 1], 2, &[Some(0), Some(0), Some(1), Some(2)], 5, 1);
    assert_eq!((folds.of()[0], folds.of()[1]), (None, None));
    assert_ne!(folds.of()[2], folds.of()[3]);
    assert!(folds.check(&[0, 0, 1, 1]).is_err(), "images of one class say nothing");
    assert!(Folds::new(vec![Some(0), Some(1)]).check(&[0, 1]).is_ok());
}
