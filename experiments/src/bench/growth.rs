//! How cost grows with the number of images: time, memory, disk of a head on generated ones.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use xtask::disk;
use xtask::process::{self, say};

use super::machine::Machine;
use super::materials::{IMAGENET, Materials};
use super::measure;

const ARCH: &str = "resnet18";
const EPOCHS: u32 = 3;

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cost {
    pub(super) images: u32,
    pub(super) seconds: f64,
    pub(super) peak_bytes: u64,
    /// Of the images themselves.
    pub(super) images_bytes: u64,
    /// Of the caches that the run leaves.
    pub(super) cache_bytes: u64,
    /// Of the run's folder.
    pub(super) run_bytes: u64,
}

/// Runs the job on `images` generated images.
pub(super) fn cost(materials: &Materials, images: u32, scratch: &Path) -> Result<Cost> {
    let (data, config, folder) = (scratch.join("data"), scratch.join("growth.toml"), scratch.join("run"));
    say(format!("Drawing {images} images"));
    let mut draw = materials.pixels.command(["draw", &images.to_string()]);
    process::run_as_progress(draw.arg(&data))?;
    let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
    let text = format!(
        "# Written by `cargo xtask bench --growth`.\n\n[data]\nroot = {}\ninput = {}\n\n\
         [model]\narch = \"{ARCH}\"\nweights = {}\n\n[finetune]\ndepth = \"head\"\n\n\
         [train]\nepochs = {EPOCHS}\n\n[run]\ndevice = \"cpu\"\ncheckpoints = \"none\"\nprecision = \"{}\"\n",
        quoted(&data),
        IMAGENET.to_toml(),
        quoted(materials.weights(ARCH)?),
        materials.precision
    );
    fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
    let mut command = materials.finetune(scratch)?;
    command.arg("--config").arg(&config).arg("--out").arg(&folder);
    let (measured, _) = measure::measured(&command, None, scratch)?;
    Ok(Cost {
        images,
        seconds: measured.seconds,
        peak_bytes: measured.peak_bytes,
        images_bytes: bytes_below(&data)?,
        cache_bytes: bytes_below(&scratch.join("cache"))?,
        run_bytes: bytes_below(&folder)?,
    })
}

/// The network that the job needs weights of.
pub(super) fn network() -> &'static str {
    ARCH
}

/// The page, in Markdown, which a terminal can read as well.
pub(super) fn page(costs: &[Cost], machine: &Machine, precision: &str) -> String {
    let Machine { hardware, program, day, .. } = machine;
    let for_one = |cost: &Cost| cost.seconds * 1e3 / f64::from(cost.images.max(1));
    let mut text = "# How cost grows\n\n".to_owned();
    if let (Some(first), Some(last)) = (costs.first(), costs.last()) {
        text += &format!(
            "![Time for one image goes from {:.0} to {:.0} milliseconds between {} and {} images](figures/growth.svg)\n\n",
            for_one(first),
            for_one(last),
            first.images,
            last.images
        );
    }
    text += &format!(
        "Written by `cargo xtask bench --growth` on {day}: {hardware}; {program}, precision `{precision}`. A \
         new head on {ARCH}, {EPOCHS} epochs, start to saved model, on generated JPEGs of 500 x 375, nothing cached before.\n\n\
         | images | time | for one image | peak memory | on disk: images | caches | run |\n|---:|---:|---:|---:|---:|---:|---:|\n"
    );
    for cost in costs {
        text += &format!(
            "| {} | {:.1} s | {:.1} ms | {} | {} | {} | {} |\n",
            cost.images,
            cost.seconds,
            for_one(cost),
            disk::amount(cost.peak_bytes),
            disk::amount(cost.images_bytes),
            disk::amount(cost.cache_bytes),
            disk::amount(cost.run_bytes)
        );
    }
    text
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let failed = || format!("cannot list {}", folder.display());
    let mut bytes = 0;
    for entry in fs::read_dir(folder).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let about = entry.metadata().with_context(failed)?;
        bytes += if about.is_dir() { bytes_below(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_number_of_images() {
        let cost = Cost {
            images: 1000,
            seconds: 20.0,
            peak_bytes: 1 << 30,
            images_bytes: 1 << 20,
            cache_bytes: 0,
            run_bytes: 5 << 20,
        };
        let machine = Machine {
            hardware: "a CPU".to_owned(),
            program: "commit abc".to_owned(),
            day: "2026-01-31".to_owned(),
            load: None,
        };
        let text = page(&[cost], &machine, "auto");
        assert!(
            text.contains("goes from 20 to 20 milliseconds between 1000 and 1000 images](figures"),
            "{text}"
        );
        assert!(text.contains("on 2026-01-31: a CPU; commit abc, precision `auto`."), "{text}");
        assert!(
            text.ends_with("| 1000 | 20.0 s | 20.0 ms | 1.00 GiB | 1.00 MiB | 0 B | 5.00 MiB |\n"),
            "{text}"
        );
    }

    #[test]
    fn a_folder_is_as_large_as_its_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b"), "12345").unwrap();
        fs::write(folder.path().join("c"), "123").unwrap();
        assert_eq!(bytes_below(folder.path()).unwrap(), 8);
    }
}
