//! Tells every crate below the torch line where libtorch lies, so that what they link runs without LD_LIBRARY_PATH.
//!
//! `rustc-link-arg` is not passed on to dependents, metadata of a `links` crate is: each of them echoes it in a
//! build script of three lines.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// Names folders with the headers of CUDA and NCCL, in place of those that `cargo xtask setup --cuda` keeps.
const CUDA_INCLUDE: &str = "FINETUNE_CUDA_INCLUDE";

/// Names another run path than libtorch's folder, as the linker takes it: `$ORIGIN/../lib`.
const RUN_PATH: &str = "FINETUNE_RUN_PATH";

const SHIM: &str = "src/shim";
/// Headers that declare what libtorch's own ones name of Gloo.
const GLOO: &str = "src/shim/gloo";
/// Headers that declare what libtorch's own ones name of CUDA's libraries.
const CUDA: &str = "src/shim/cuda";
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
    let is_distributed = compile_distributed(&lib, &include);
    println!("cargo::rustc-check-cfg=cfg(nccl)");
    if is_distributed && env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        compile_nccl(&lib, &include);
    }
    println!("cargo::rustc-link-lib=dylib=torch");
    println!("cargo::rustc-link-lib=dylib=torch_cpu");
    println!("cargo::rustc-link-lib=dylib=c10");
}

fn compile_shim(include: &Path) {
    println!("cargo::rerun-if-changed={SHIM}");
    build(include).files(SOURCES).compile("torch_extra_shim");
}

/// Several processes that compute together. A libtorch of one's own may be built without.
fn compile_distributed(lib: &Path, include: &Path) -> bool {
    println!("cargo::rustc-check-cfg=cfg(distributed)");
    let mut build = build(include);
    build.flag_if_supported("-Wno-deprecated-declarations");
    let is_distributed = has_distributed(lib, include);
    if is_distributed {
        println!("cargo::rustc-cfg=distributed");
        // Behind libtorch's own folders, so that a libtorch that brings Gloo's headers is compiled with these.
        build.define("EXTRA_DISTRIBUTED", None).define("USE_C10D_GLOO", None).include(GLOO);
    }
    build.file("src/shim/distributed.cpp").compile("torch_extra_distributed");
    is_distributed
}

/// NCCL, where its headers are. It is a shared library, because `ProcessGroupNCCL` is in `libtorch_cuda.so`, which the program opens
/// only where it finds it, and it is embedded in the program: cargo installs one file, the library's `Group` must be that of this
/// program, and libtorch's folder may be shared and is not written to.
fn compile_nccl(lib: &Path, include: &Path) {
    println!("cargo::rerun-if-env-changed={CUDA_INCLUDE}");
    let asked = env::var_os(CUDA_INCLUDE).filter(|folders| !folders.is_empty());
    let folders: Vec<PathBuf> = match &asked {
        Some(folders) => env::split_paths(folders).collect(),
        None => vec![lib.join("../cuda")],
    };
    let has = |header: &&str| folders.iter().any(|folder| folder.join(header).exists());
    let needed = ["nccl.h", "cuda_runtime_api.h", "crt/host_config.h", "nv/target"];
    if let Some(header) = needed.iter().find(|header| !has(header)) {
        assert!(asked.is_none(), "{CUDA_INCLUDE}: no folder has {header}");
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("libtorch_extra_nccl.so");
    let mut build = build(include);
    build.define("USE_C10D_NCCL", None).includes(&folders).include(CUDA).debug(false).opt_level(2).pic(true);
    let mut compiler = build.get_compiler().to_command();
    let compiled = compiler.args(["-shared", "-s", "src/shim/nccl.cpp", "-o"]).arg(&out).output();
    match compiled {
        Ok(output) if output.status.success() => {
            println!("cargo::rustc-cfg=nccl");
            println!("cargo::rustc-env=TORCH_EXTRA_NCCL={}", out.display());
        }
        failed => {
            let said = failed.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
            let said = said.unwrap_or_else(|error| error.to_string());
            let error =
                said.lines().find(|line| line.contains("error")).unwrap_or("the compiler does not run");
            println!("cargo::warning=gradients of GPUs go over Gloo, because NCCL was not compiled: {error}");
        }
    }
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
