//! Licences: the texts of all that is in a bundle. What has no licence that is known and accepted is not put into one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use spdx::{Expression, LicenseReq, ParseMode};

use crate::arguments::Arguments;
use crate::contents::Placed;
use crate::packages::Package;

/// Licences under which a crate may be in a bundle: all let a binary be passed on, with their text.
const ACCEPTED: [&str; 15] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "IJG",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Starts of the names of files with a licence in the sources of a crate.
const FILES: [&str; 6] = ["license", "licence", "copying", "copyright", "notice", "unlicense"];

/// Whose library a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Maker {
    /// Ours.
    Finetune,
    /// libtorch.
    PyTorch,
    /// Libraries that come with GCC.
    Gcc,
    /// CUDA's libraries.
    Nvidia,
    /// zlib.
    Zlib,
}

impl Maker {
    /// Whose file this is, by its name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        const STARTS: [(&str, Maker); 11] = [
            ("finetune", Maker::Finetune),
            ("libtorch", Maker::PyTorch),
            ("libc10", Maker::PyTorch),
            ("libcaffe2", Maker::PyTorch),
            ("libshm", Maker::PyTorch),
            ("libstdc++", Maker::Gcc),
            ("libgcc_s", Maker::Gcc),
            ("libgomp", Maker::Gcc),
            ("libcu", Maker::Nvidia),
            ("libn", Maker::Nvidia),
            ("libz.so", Maker::Zlib),
        ];
        STARTS.into_iter().find(|(start, _)| name.starts_with(start)).map(|(_, maker)| maker)
    }

    /// Its licence as an SPDX expression.
    pub(crate) fn licence(self) -> &'static str {
        match self {
            Self::Finetune => "MIT OR Apache-2.0",
            Self::PyTorch => "BSD-3-Clause",
            Self::Gcc => "GPL-3.0-or-later WITH GCC-exception-3.1",
            Self::Nvidia => "LicenseRef-NVIDIA",
            Self::Zlib => "Zlib",
        }
    }
}

/// PyTorch's, with those of the libraries that are linked into it, from the package of this version.
const PYTORCH: &str = include_str!("../licenses/pytorch-2.11.0.txt");

/// Where set-up keeps the licences of NVIDIA's packages, in libtorch's folder.
const OF_LIBTORCH: &str = "licences";

/// Writes `licences/` into the bundle.
pub(crate) fn write(
    placed: &[Placed],
    packages: &[Package],
    arguments: &Arguments,
    folder: &Path,
) -> Result<()> {
    let to = folder.join("licences");
    fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
    let put = |name: &str, text: &str| {
        let path = to.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    put("rust-crates.txt", &of_crates(packages)?)?;
    let mut makers = Vec::new();
    for name in placed.iter().map(Placed::name) {
        makers.push(
            Maker::of(&name)
                .with_context(|| format!("the licence of {name} is not known to this program"))?,
        );
    }
    makers.sort();
    makers.dedup();
    for maker in makers {
        match maker {
            Maker::Finetune => {}
            Maker::PyTorch => put("pytorch.txt", PYTORCH)?,
            Maker::Gcc => put("gcc-runtime.txt", &of_gcc()?)?,
            Maker::Zlib => put("zlib.txt", &standard("Zlib")?)?,
            Maker::Nvidia => put("nvidia.txt", &of_nvidia(&arguments.libtorch.join(OF_LIBTORCH))?)?,
        }
    }
    put("README.txt", &list(placed))
}

/// A line for each file.
fn list(placed: &[Placed]) -> String {
    let mut text = String::from(
        "Licences of the programs and libraries in this bundle. Rust crates: rust-crates.txt\n\n",
    );
    for placed in placed {
        if let Some(maker) = Maker::of(&placed.name()) {
            let _ = writeln!(text, "{:32} {}", placed.path.display(), maker.licence());
        }
    }
    text
}

/// Each text once, under the crates that have it.
fn of_crates(packages: &[Package]) -> Result<String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages.iter().filter(|package| package.source.is_some()) {
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().with_context(|| format!("{name} names no licence"))?;
        let expression = Expression::parse_mode(licence, ParseMode::LAX).map_err(|error| {
            anyhow!("the licence of {name}, {licence:?}, is not understood: {}", error.reason)
        })?;
        ensure!(
            expression.evaluate(is_accepted),
            "the licence of {name} is {licence}, which is not accepted"
        );
        for text in texts_of(package, &expression)? {
            texts.entry(text).or_default().push(format!("{name} ({licence})"));
        }
    }
    let mut page = String::from("Rust crates in finetune and finetune-fetch, and their licences.\n");
    let line = "=".repeat(100);
    for (text, names) in &texts {
        let _ = write!(page, "\n{line}\n{}\n{line}\n{text}\n", names.join("\n"));
    }
    Ok(page)
}

fn is_accepted(asked: &LicenseReq) -> bool {
    asked.license.id().is_some_and(|id| ACCEPTED.contains(&id.name))
}

/// The files with its licence; where its package has none, the standard texts of the licences that it names.
fn texts_of(package: &Package, expression: &Expression) -> Result<Vec<String>> {
    let folder = package.folder();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        path.is_file() && FILES.iter().any(|start| name.starts_with(start))
    });
    paths.sort();
    if paths.is_empty() {
        let ids = expression.requirements().filter_map(|part| part.req.license.id());
        return Ok(ids.map(|id| id.text().trim().to_owned()).collect());
    }
    let read = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim().to_owned())
    };
    paths.iter().map(read).collect()
}

fn standard(id: &str) -> Result<String> {
    Ok(spdx::license_id(id).with_context(|| format!("the licence {id} is not known"))?.text().to_owned())
}

fn of_gcc() -> Result<String> {
    let exception = spdx::exception_id("GCC-exception-3.1").context("GCC's exception is not known")?;
    let note = "libstdc++, libgcc_s and libgomp come with GCC, under the GNU General Public License with the exception below, which \
                lets programs of any licence be linked with them. Their sources are GCC's: https://gcc.gnu.org\n\n";
    Ok(format!("{note}{}\n\n{}", exception.text(), standard("GPL-3.0-or-later")?))
}

/// NVIDIA's terms, as set-up kept them.
fn of_nvidia(folder: &Path) -> Result<String> {
    let missing = || {
        format!(
            "{} is not there, with NVIDIA's terms, which have to go along with its libraries: `cargo xtask setup --force` \
             brings them with the pip package",
            folder.display()
        )
    };
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(missing)? {
        let path = entry.with_context(missing)?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("nvidia") {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            texts.entry(text).or_default().push(name);
        }
    }
    ensure!(!texts.is_empty(), missing());
    let page = texts.iter().map(|(text, names)| format!("{}\n\n{text}\n", names.join(", ")));
    Ok(page.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::package;

    #[test]
    fn each_text_is_there_once_under_all_that_have_it() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("a", "by Ada"), ("b", "by Ada"), ("c", "by Bob")] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("LICENSE-MIT"), text).unwrap();
        }
        fs::create_dir(folder.path().join("d")).unwrap();
        let packages =
            ["a", "b", "c", "d"].map(|name| package(name, Some("MIT/Apache-2.0"), &folder.path().join(name)));
        let page = of_crates(&packages).unwrap();
        assert_eq!(page.matches("by Ada").count(), 1, "{page}");
        assert!(page.contains("a 1.0.0 (MIT/Apache-2.0)\nb 1.0.0 (MIT/Apache-2.0)\n="), "{page}");
        assert!(
            page.contains("by Bob") && page.contains("Permission is hereby granted"),
            "the standard text for d: {page}"
        );
    }

    #[test]
    fn a_licence_that_is_missing_or_not_accepted_ends_the_work() {
        let folder = tempfile::tempdir().unwrap();
        let error = |licence| of_crates(&[package("a", licence, folder.path())]).unwrap_err().to_string();
        assert!(error(None).contains("a 1.0.0 names no licence"));
        assert!(error(Some("GPL-3.0-only")).contains("not accepted"));
        assert!(error(Some("whatever")).contains("not understood"));
        assert!(of_crates(&[package("a", Some("GPL-3.0-only OR MIT"), folder.path())]).is_ok());
    }

    #[test]
    fn every_library_has_a_maker_and_a_strange_one_has_none() {
        let makers = [
            "finetune-fetch",
            "libtorch_cpu.so",
            "libc10_cuda.so",
            "libgomp.so.1",
            "libcudart.so.13",
            "libnccl.so.2",
            "libz.so.1",
        ];
        let found = makers.map(|name| Maker::of(name).unwrap());
        assert_eq!(found[..3], [Maker::Finetune, Maker::PyTorch, Maker::PyTorch]);
        assert_eq!(found[3..], [Maker::Gcc, Maker::Nvidia, Maker::Nvidia, Maker::Zlib]);
        assert_eq!(Maker::of("libopenblas.so.0"), None);
        assert!(
            of_gcc().unwrap().contains("GCC Runtime Library Exception") && PYTORCH.contains("From PyTorch")
        );
    }

    #[test]
    fn nvidias_terms_are_taken_once_each_and_their_lack_names_the_command() {
        let folder = tempfile::tempdir().unwrap();
        assert!(of_nvidia(folder.path()).unwrap_err().to_string().contains("cargo xtask setup --force"));
        for (name, text) in [
            ("nvidia_cuda_runtime.txt", "terms"),
            ("nvidia_cuda_cupti.txt", "terms"),
            ("nvidia_nccl_cu13.txt", "BSD"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let page = of_nvidia(folder.path()).unwrap();
        assert_eq!((page.matches("terms").count(), page.matches("BSD").count()), (1, 1), "{page}");
    }
}
