//! The embedded catalog is complete and consistent.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use pretrained::{Catalog, Digest, Error, Interpolation, Origin};

#[test]
fn every_file_is_listed_once_and_fits_its_name() {
    let catalog = Catalog::builtin();
    assert_eq!(catalog.entries().len(), 114);
    assert_eq!(catalog.archs().len(), 79);
    let names: HashSet<_> = catalog.entries().iter().map(|e| (&e.arch, &e.name)).collect();
    assert_eq!(names.len(), catalog.entries().len());
    let files: BTreeSet<_> = catalog.entries().iter().map(|e| &e.file).collect();
    assert_eq!(files.len(), catalog.entries().len());
    for entry in catalog.entries() {
        let named = entry.file.ends_with(&format!("-{}.pth", entry.sha256_prefix));
        assert!(named || entry.file.starts_with("dinov2_") && entry.sha256.is_some(), "{}", entry.file);
        assert_eq!(entry.acc1.is_some(), entry.classes.is_some(), "{}", entry.file);
        let bytes = entry.mebibytes * f64::from(1 << 20);
        let bytes_per_parameter = bytes / f64::from(u32::try_from(entry.parameters).unwrap());
        // A few files of TorchVision hold half precision; all others hold 4 bytes a parameter and a little more.
        let plausible =
            (1.9..2.1).contains(&bytes_per_parameter) || (3.9..8.0).contains(&bytes_per_parameter);
        assert!(plausible, "{}: {bytes_per_parameter}", entry.file);
        if let Origin::Url(url) = &entry.origin {
            let authors = entry.name == "DEIT" || entry.name == "DINOV2";
            let server = if authors {
                "https://dl.fbaipublicfiles.com/"
            } else {
                "https://download.pytorch.org/models/"
            };
            assert!(url.starts_with(server) && url.ends_with(&format!("/{}", entry.file)), "{url}");
        }
    }
}

#[test]
fn whole_digests_are_those_that_the_sources_agree_on() {
    let sums = include_str!("../../../weights/SHA256SUMS");
    let sums: BTreeMap<&str, &str> = sums
        .lines()
        .map(|line| line.split_once("  ").unwrap())
        .map(|(sha256, file)| (file, sha256))
        .collect();
    assert_eq!(sums.len(), 40);
    let sources = include_str!("../../../weights/SOURCES.md");
    for entry in Catalog::builtin().entries() {
        if matches!(entry.origin, Origin::Url(_)) {
            assert_eq!(entry.sha256.as_deref(), sums.get(entry.file.as_str()).copied(), "{}", entry.file);
        }
        assert!(sources.contains(&entry.file), "{} is not in weights/SOURCES.md", entry.file);
        if let Some(sha256) = &entry.sha256 {
            assert!(sources.contains(sha256), "{sha256} is not in weights/SOURCES.md");
        }
    }
    // The lengths that the sources tell are those of TorchVision's own files, rounded.
    let mut lengths = 0;
    for line in sources.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let of_file = |entry: &&pretrained::Entry| cells.get(1) == Some(&entry.file.as_str());
        let Some(entry) = Catalog::builtin().entries().iter().find(of_file) else { continue };
        if let Ok(bytes) = cells[3].replace(',', "").parse::<u32>() {
            let difference = f64::from(bytes) / f64::from(1 << 20) - entry.mebibytes;
            assert!(difference.abs() < 0.001, "{}: {bytes}", entry.file);
            lengths += 1;
        }
    }
    assert!(lengths > 10, "{lengths}");
    for set in pretrained::data_sets::all() {
        for archive in &set.archives {
            for url in archive.url.iter().chain(&archive.mirrors) {
                assert!(sources.contains(url), "{url} is not in weights/SOURCES.md");
            }
            for version in &archive.versions {
                let bytes = version.bytes.to_string();
                assert!(sources.contains(version.sha256.as_ref().unwrap_or(&bytes)), "{}", archive.file);
                assert!(sources.contains(&bytes), "{}", archive.file);
            }
        }
    }
}

#[test]
fn inputs_are_torchvisions() {
    let catalog = Catalog::builtin();
    for entry in catalog.entries() {
        let input = &entry.input;
        assert!(input.crop <= input.resize && input.crop >= 224, "{}", entry.file);
        let channels = usize::from(input.channels);
        assert_eq!((input.mean.len(), input.std.len(), channels), (3, 3, 3));
    }
    let input = |arch, name| &catalog.find(arch, name).unwrap().input;
    assert_eq!(input("resnet50", "IMAGENET1K_V1").resize, 256);
    assert_eq!(input("resnet50", "IMAGENET1K_V2").resize, 232);
    assert_eq!(input("resnet50", "IMAGENET1K_V1").mean, [0.485, 0.456, 0.406]);
    let inception = input("inception_v3", "IMAGENET1K_V1");
    assert_eq!((inception.resize, inception.crop), (342, 299));
    assert_eq!((inception.mean[0], inception.std[0]), (0.5, 0.5));
    let b1 = [input("efficientnet_b1", "IMAGENET1K_V1"), input("efficientnet_b1", "IMAGENET1K_V2")];
    assert_eq!(b1.map(|b1| b1.interpolation), [Interpolation::Bicubic, Interpolation::Bilinear]);
    let lite0 = input("efficientnet_lite0", "IMAGENET1K_V1");
    assert_eq!((lite0.mean[0], lite0.std[0]), (127.0 / 255.0, 128.0 / 255.0));
    let swag = input("vit_l_16", "IMAGENET1K_SWAG_E2E_V1");
    assert_eq!((swag.resize, swag.crop, swag.interpolation), (512, 512, Interpolation::Bicubic));
}

#[test]
fn defaults_and_odd_entries() {
    let catalog = Catalog::builtin();
    assert_eq!(catalog.default_for("resnet50").unwrap().name, "IMAGENET1K_V2");
    assert_eq!(catalog.default_for("vgg16").unwrap().name, "IMAGENET1K_V1");
    assert_eq!(catalog.find("vgg16", "IMAGENET1K_FEATURES").unwrap().classes, None);
    let licence = |arch, name| catalog.find(arch, name).unwrap().licence.as_str();
    assert_eq!(licence("vit_b_16", "IMAGENET1K_V1"), "BSD-3-Clause");
    assert_eq!(licence("vit_h_14", "IMAGENET1K_SWAG_LINEAR_V1"), "CC-BY-NC-4.0");
    assert_eq!(licence("dinov2_vits14_reg", "DINOV2"), "Apache-2.0");
    let lite0 = catalog.default_for("efficientnet_lite0").unwrap();
    assert!(matches!(lite0.digest(), Digest::Sha256(_)));
    let crops = ["lite0", "lite1", "lite2"].map(|size| input_of(&format!("efficientnet_{size}")));
    assert_eq!(crops, [[256, 224], [272, 240], [292, 260]]);
    // What is not TorchVision's own to give away.
    let of = |name| &*catalog.find("regnet_y_16gf", name).unwrap().licence;
    assert_eq!(["IMAGENET1K_V2", "IMAGENET1K_SWAG_E2E_V1"].map(of), ["BSD-3-Clause", "CC-BY-NC-4.0"]);
    assert!(matches!(&lite0.origin, Origin::Pip(pip) if pip.member.ends_with(&lite0.file)));
}

fn input_of(arch: &str) -> [u32; 2] {
    let input = &Catalog::builtin().default_for(arch).unwrap().input;
    [input.resize, input.crop]
}

#[test]
fn unknown_names_list_the_known_ones() {
    let catalog = Catalog::builtin();
    let Err(Error::UnknownArch { nearest, .. }) = catalog.find("ResNet-50", "IMAGENET1K_V1") else {
        panic!("found ResNet-50");
    };
    assert_eq!(nearest[0], "resnet50");
    let error = catalog.find("resnet50", "V3").unwrap_err().to_string();
    assert!(error.contains("IMAGENET1K_V1, IMAGENET1K_V2"), "{error}");
}

#[test]
fn a_faulty_catalog_is_refused() {
    let text = include_str!("../../../weights/catalog.toml");
    for (from, to, expected) in [
        ("parameters = 61100840", "parameterz = 61100840", "parameterz"),
        ("file = \"alexnet-owt-7be5be79.pth\"", "file = \"alexnet.pth\"", "no digest"),
        ("arch = \"vgg11_bn\"", "arch = \"vgg11\"", "twice"),
        ("crop = 299", "crop = 999", "cannot crop"),
        ("sha256 = \"5793", "sha256 = \"0793", "does not fit"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = Catalog::parse(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn imagenets_classes_have_their_names_and_features_have_none() {
    let catalog = Catalog::builtin();
    let names = catalog.default_for("resnet18").unwrap().class_names().unwrap();
    // The first, one in the middle and the last of TorchVision's list.
    assert_eq!((names.len(), names[0], names[281], names[999]), (1000, "tench", "tabby", "toilet tissue"));
    assert_eq!(catalog.find("vgg16", "IMAGENET1K_FEATURES").unwrap().class_names(), None);

    let resnet18 = catalog.default_for("resnet18").unwrap().sha256.clone().unwrap();
    assert_eq!(catalog.recognise("resnet18", &resnet18).unwrap().name, "IMAGENET1K_V1");
    assert_eq!(catalog.recognise("resnet34", &resnet18), None);
    // Where only the start of a digest is known, it has to do.
    let vgg11 = format!("8a719046{:0<56}", "");
    assert_eq!(catalog.recognise("vgg11", &vgg11).unwrap().name, "IMAGENET1K_V1");
    // Where all of it is, the start is not enough.
    assert_eq!(catalog.recognise("resnet18", &format!("f37072fd{:0<56}", "")), None);
}
