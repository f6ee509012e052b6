//! Lets the downloader of a bundle find the bundle's libraries; see `torch-extra/build.rs`, which does it for `finetune`.

const RUN_PATH: &str = "FINETUNE_RUN_PATH";

fn main() {
    println!("cargo::rerun-if-env-changed={RUN_PATH}");
    if let Ok(path) = std::env::var(RUN_PATH) {
        println!("cargo::rustc-link-arg-bins=-Wl,-rpath,{path}");
    }
}
