//! Compiles the shim against the headers of the library, which `mozjpeg-sys` builds and links.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=src/shim/shim.c");
    println!("cargo::rerun-if-env-changed=DEP_JPEG_INCLUDE");
    let include = env::var_os("DEP_JPEG_INCLUDE").unwrap_or_default();
    cc::Build::new()
        .includes(env::split_paths(&include))
        .file("src/shim/shim.c")
        .compile("finetune_libjpeg_shim");
}
