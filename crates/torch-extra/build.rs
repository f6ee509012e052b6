//! Tells every crate below the torch line where libtorch lies, so that what they link runs without LD_LIBRARY_PATH.
//!
//! `rustc-link-arg` is not passed on to dependents, metadata of a `links` crate is: each of them echoes it in a
//! build script of three lines.

use std::path::{Path, PathBuf};
use std::{env, fs};

const SHIM: &str = "src/shim";
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
    println!("cargo::metadata=rpath={}", lib.display());
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.display());
    compile_shim(&lib.join("../include"));
}

fn compile_shim(include: &Path) {
    println!("cargo::rerun-if-changed={SHIM}");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .flag_if_supported("-Wno-unused-parameter")
        // GCC sees an overflow in libtorch's own reference counts, where there is none.
        .flag_if_supported("-Wno-stringop-overflow")
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .includes([include.to_owned(), include.join("torch/csrc/api/include")])
        .files(SOURCES)
        .compile("torch_extra_shim");
    println!("cargo::rustc-link-lib=dylib=torch");
    println!("cargo::rustc-link-lib=dylib=torch_cpu");
    println!("cargo::rustc-link-lib=dylib=c10");
}
