use crate::folds::{Folds, deal, deal_groups, left_out_together};

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

#[test]
fn parts_that_are_left_out_hold_groups_together_and_have_about_500_images_at_most() {
    let labels: Vec<usize> = (0..30).map(|image| image % 3).collect();
    // Pairs of neighbours, of two classes each; all of class 2 but in pairs, too.
    let groups: Vec<Option<u32>> = (0..30).map(|image| Some(image / 2)).collect();
    let (parts, count) = left_out_together(&labels, 3, &groups, 3);
    assert_eq!(count, 5);
    assert!(parts.chunks(2).all(|pair| pair[0] == pair[1]));
    assert!(parts.iter().all(|part| part.is_some_and(|part| part < 5)));
    // A class of a single group is never held out: it stays together, apart from the folds.
    let labels = [0, 0, 1, 1, 2, 2];
    let (parts, count) = left_out_together(&labels, 3, &[None, None, None, None, Some(7), Some(7)], 0);
    assert_eq!((count, parts[4], parts[5]), (4, Some(12), Some(12)));
    assert!(parts[..4].iter().all(|part| part.is_some_and(|part| part < 5)));
    let many = [0, 1].repeat(1300);
    let (parts, count) = left_out_together(&many, 2, &vec![None; 2600], 0);
    assert_eq!(count, 6);
    let largest = (0..6).map(|part| parts.iter().filter(|&&other| other == Some(part)).count()).max();
    assert!(largest <= Some(500), "{largest:?}");
}
