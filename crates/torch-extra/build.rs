//! Tells every crate below the torch line where libtorch lies, so that what they link runs without LD_LIBRARY_PATH.
//!
//! `rustc-link-arg` is not passed on to dependents, metadata of a `links` crate is: each of them echoes it in a
//! build script of three lines.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// Names another run path than libtorch's folder, as the linker takes it: `$ORIGIN/../lib`.
const RUN_PATH: &str = "FINETUNE_RUN_PATH";

const SHIM: &str = "src/shim";
/// Headers that declare what libtorch's own ones name of Gloo.
const GLOO: &str = "src/shim/gloo";
const SOURCES: [&str; 2] = ["src/shim/shim.cpp", "src/shim/products.cpp"];

fn main() {
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let Some(lib) = env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else { return };
    // It differs whenever `cargo xtask setup` has linked another libtorch. Python's PyTorch has none, and a file that is
    // not there would make cargo run this again on every call.
    let version = lib.join("../build-version");
    if version.exists() {
        println!("cargo::rerun-if-changed={}", version.display());
    }
    let lib = fs::canonicalize(&lib).unwrap_or(lib);
    // A bundle's program finds its libraries wherever it is unpacked.
    println!("cargo::rerun-if-env-changed={RUN_PATH}");
    let run_path = env::var(RUN_PATH).unwrap_or_else(|_| lib.display().to_string());
    println!("cargo::metadata=rpath={run_path}");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{run_path}");
    let include = lib.join("../include");
    compile_shim(&include);
    compile_distributed(&lib, &include);
    println!("cargo::rustc-link-lib=dylib=torch");
    println!("cargo::rustc-link-lib=dylib=torch_cpu");
    println!("cargo::rustc-link-lib=dylib=c10");
}

fn compile_shim(include: &Path) {
    println!("cargo::rerun-if-changed={SHIM}");
    build(include).files(SOURCES).compile("torch_extra_shim");
}

/// Several processes that compute together. A libtorch of one's own may be built without.
fn compile_distributed(lib: &Path, include: &Path) {
    println!("cargo::rustc-check-cfg=cfg(distributed)");
    let mut build = build(include);
    build.flag_if_supported("-Wno-deprecated-declarations");
    if has_distributed(lib, include) {
        println!("cargo::rustc-cfg=distributed");
        // Behind libtorch's own folders, so that a libtorch that brings Gloo's headers is compiled with these.
        build.define("EXTRA_DISTRIBUTED", None).define("USE_C10D_GLOO", None).include(GLOO);
    }
    build.file("src/shim/distributed.cpp").compile("torch_extra_distributed");
}

/// Whether libtorch has Gloo, by its headers and by the name of a constructor among its symbols.
fn has_distributed(lib: &Path, include: &Path) -> bool {
    let headers = ["ProcessGroupGloo.hpp", "reducer.hpp"];
    let folder = include.join("torch/csrc/distributed/c10d");
    let mut grep = Command::new("grep");
    let of_apple = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "macos");
    let library = lib.join(if of_apple { "libtorch_cpu.dylib" } else { "libtorch_cpu.so" });
    grep.args(["-qaF", "_ZN4c10d16ProcessGroupGlooC1E"]).arg(library);
    headers.iter().all(|header| folder.join(header).exists())
        && grep.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn build(include: &Path) -> cc::Build {
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .flag_if_supported("-Wno-unused-parameter")
        // GCC sees an overflow in libtorch's own reference counts, where there is none.
        .flag_if_supported("-Wno-stringop-overflow")
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .includes([include.to_owned(), include.join("torch/csrc/api/include")]);
    build
}
