//! Lets what this crate links find libtorch at run time; see `torch-extra/build.rs`.

fn main() {
    println!("cargo::rerun-if-env-changed=DEP_TORCH_EXTRA_RPATH");
    if let Ok(folder) = std::env::var("DEP_TORCH_EXTRA_RPATH") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
