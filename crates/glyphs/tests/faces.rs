//! The embedded faces, the letters in them, and how they are divided.

use std::collections::{BTreeMap, HashSet};

use glyphs::{Alphabet, Error, Face, Family, Spec, Split, Typeface, Variation, draw, draw_in, faces};

#[test]
fn faces_are_distinct_sorted_and_complete() {
    let faces = faces().unwrap();
    let mut per_family = BTreeMap::<Family, usize>::new();
    faces.iter().for_each(|face| *per_family.entry(face.family).or_default() += 1);
    assert_eq!(
        per_family.into_iter().collect::<Vec<_>>(),
        Family::ALL.into_iter().zip([9, 4, 8, 6, 4]).collect::<Vec<_>>()
    );

    assert!(faces.is_sorted_by(|a, b| a.name < b.name));
    assert_eq!(faces.iter().map(|face| face.sha256).collect::<HashSet<_>>().len(), faces.len());
    assert_eq!(faces.iter().map(Face::slug).collect::<HashSet<_>>().len(), faces.len());

    for face in &faces {
        for class in Alphabet::ALL.into_iter().flat_map(Alphabet::classes) {
            let image = draw(face, class.letter, 28, &Variation::none(), [0; 32]).unwrap();
            let white = image.pixels.iter().filter(|&&value| value > 128).count();
            assert!((10..500).contains(&white), "{face:?} {} has {white} white pixels", class.folder);
        }
    }
}

#[test]
fn exactly_the_shared_capitals_are_drawn_as_latin_letters_in_dejavu_sans() {
    let faces = faces().unwrap();
    let face = faces.iter().find(|face| face.name == "DejaVu Sans").unwrap();
    let image = |letter| draw(face, letter, 96, &Variation::none(), [0; 32]).unwrap();
    let latin: Vec<_> = Alphabet::Latin.classes().iter().map(|class| image(class.letter)).collect();

    let mut seen = Alphabet::CyrillicCapitals.classes();
    seen.retain(|class| latin.contains(&image(class.letter)));
    assert_eq!(seen, Alphabet::CyrillicCapitals.shared_with_latin());
    assert_eq!(seen.len(), 10);
}

#[test]
fn splits_share_no_face_and_by_family_no_family() {
    let faces = faces().unwrap();
    let by_face = [0, 1, 2].map(|seed| Split::ByFace { test: 8, validation: 4, seed });
    for (split, sizes) in
        by_face.iter().map(|split| (split, [19, 4, 8])).chain([(&Split::by_family(), [17, 6, 8])])
    {
        let partition = split.partition(&faces).unwrap();
        let parts = partition.parts().map(|(_, faces)| faces);
        assert_eq!(parts.map(<[_]>::len), sizes);
        let all: HashSet<_> = parts.concat().iter().map(|face| face.sha256).collect();
        assert_eq!(all.len(), faces.len(), "{split:?}");

        let families = parts.map(|part| part.iter().map(|face| face.family).collect::<HashSet<_>>());
        match split {
            Split::ByFace { .. } => assert_eq!([families[0].len(), families[2].len()], [5, 5]),
            Split::ByFamily { .. } => assert_eq!(families.iter().map(HashSet::len).sum::<usize>(), 5),
        }
    }
    let test_faces = by_face
        .map(|split| split.partition(&faces).unwrap().test.iter().map(|f| f.sha256).collect::<Vec<_>>());
    assert_ne!(test_faces[0], test_faces[1], "the seed chooses the faces");
}

#[test]
fn a_spec_that_cannot_be_drawn_is_refused_by_the_name_of_its_field() {
    let good = Spec::new(Alphabet::Latin, Split::default());
    let vary = |variation| Spec { variation, ..good.clone() };
    let family = vec![Family::DejavuSans];
    let cases = [
        ("size", Spec { size: 0, ..good.clone() }),
        ("size", Spec { size: u32::MAX, ..good.clone() }),
        ("train_per_class", Spec { train_per_class: 0, ..good.clone() }),
        ("test_per_class", Spec { split: Split::ByFace { test: 0, validation: 4, seed: 0 }, ..good.clone() }),
        (
            "validation_per_class",
            Spec { split: Split::ByFace { test: 4, validation: 0, seed: 0 }, ..good.clone() },
        ),
        ("split", Spec { split: Split::ByFace { test: usize::MAX, validation: 0, seed: 0 }, ..good.clone() }),
        (
            "split",
            Spec { split: Split::ByFamily { test: family.clone(), validation: family }, ..good.clone() },
        ),
        ("rotation", vary(Variation { rotation: 46.0, ..Variation::none() })),
        ("cap_height", vary(Variation { cap_height: [0.7, 0.5], ..Variation::none() })),
        ("stroke", vary(Variation { stroke: [0.0, 1e9], ..Variation::none() })),
        ("noise", vary(Variation { noise: f32::NAN, ..Variation::none() })),
        ("blur", vary(Variation { blur: f32::INFINITY, ..Variation::none() })),
    ];
    for (field, spec) in cases {
        let error = spec.digest().unwrap_err();
        assert!(matches!(error, Error::Spec { field: named, .. } if named == field), "{field}: {error}");
    }
}

#[test]
fn a_font_file_draws_what_the_embedded_face_of_the_same_bytes_draws() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("font.ttf");
    std::fs::write(&path, dejavu::serif::bold_italic()).unwrap();
    let typeface = Typeface::read(&path).unwrap();
    assert_eq!((&*typeface.family, typeface.bold, typeface.italic), ("DejaVu Serif", true, true));
    assert!(typeface.covers(&['Ж', 'ω']) && !typeface.covers(&['Ж', '가']));
    // The same outline twice.
    assert!(!typeface.covers(&['A', 'B', 'A']));
    let faces = faces().unwrap();
    let face = faces.iter().find(|face| face.name == typeface.name).unwrap();
    let usual = Variation::default();
    let [embedded, file] = [
        draw(face, 'Ж', 28, &usual, [7; 32]).unwrap(),
        draw_in(&typeface, 'Ж', 28, &usual, [7; 32]).unwrap(),
    ];
    assert_eq!(embedded.pixels, file.pixels);
    assert!(matches!(draw_in(&typeface, '가', 28, &usual, [7; 32]), Err(Error::NoOutline { .. })));

    std::fs::write(&path, "no font").unwrap();
    assert!(matches!(Typeface::read(&path), Err(Error::FontFile { .. })));
    assert!(matches!(Typeface::read(&folder.path().join("none.ttf")), Err(Error::Io { .. })));
}
