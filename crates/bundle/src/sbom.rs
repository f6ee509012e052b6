//! The bill of materials: what is in a bundle, with versions, digests and licences, as CycloneDX 1.5.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use files::sha256_of_file;
use serde_json::{Value, json};

use crate::contents::Placed;
use crate::licences::Maker;
use crate::packages::Package;

/// File name in the bundle.
const FILE: &str = "sbom.cdx.json";

/// Writes it into the bundle. The same files and crates give the same bytes: it has no time and no serial number.
pub(crate) fn write(
    name: &str,
    version: &str,
    placed: &[Placed],
    packages: &[Package],
    folder: &Path,
) -> Result<()> {
    let mut components: Vec<Value> = Vec::new();
    for placed in placed {
        components.push(of_file(placed, folder)?);
    }
    components.extend(packages.iter().map(of_crate));
    let page = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": { "type": "application", "bom-ref": name, "name": "finetune", "version": version } },
        "components": components,
    });
    let path = folder.join(FILE);
    let text = serde_json::to_string_pretty(&page)? + "\n";
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn of_file(placed: &Placed, folder: &Path) -> Result<Value> {
    let path = placed.path.display().to_string();
    let sha256 = sha256_of_file(&folder.join(&placed.path))?;
    let mut component = json!({
        "type": "file",
        "bom-ref": format!("file:{path}"),
        "name": path,
        "hashes": [{ "alg": "SHA-256", "content": sha256 }],
    });
    if let Some(maker) = Maker::of(&placed.name()) {
        component["licenses"] = json!([{ "expression": maker.licence() }]);
    }
    Ok(component)
}

fn of_crate(package: &Package) -> Value {
    let Package { name, version, .. } = package;
    let address = format!("pkg:cargo/{name}@{version}");
    let mut component = json!({ "type": "library", "bom-ref": address, "name": name, "version": version });
    if package.source.is_some() {
        component["purl"] = json!(address);
    }
    if let Some(licence) = &package.license {
        // Cargo allows an older form, with a stroke.
        component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::package;

    #[test]
    fn files_have_digests_and_crates_an_address_and_all_a_licence() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("lib")).unwrap();
        fs::write(folder.path().join("lib/libc10.so"), "abc").unwrap();
        let placed = [Placed { path: "lib/libc10.so".into() }];
        let packages = [package("half", Some("MIT/Apache-2.0"), folder.path())];
        write("finetune-1", "1", &placed, &packages, folder.path()).unwrap();
        let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
        let page: Value = serde_json::from_str(&text).unwrap();
        let [file, library] = page["components"].as_array().unwrap().as_slice() else { panic!("{text}") };
        // SHA-256 of "abc", from FIPS 180-2.
        assert!(file["hashes"][0]["content"].as_str().unwrap().starts_with("ba7816bf"), "{file}");
        assert_eq!(file["licenses"][0]["expression"], "BSD-3-Clause");
        assert_eq!(library["purl"], "pkg:cargo/half@1.0.0");
        assert_eq!(library["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert!(!text.contains(folder.path().to_str().unwrap()), "no path of this machine");
    }
}
