//! The `finetune` program: reads the command line, runs the recipe, prints and keeps what came of it.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    torch_extra::memory::keep_freed();
    cli::see_own_gpu();
    // Before libtorch asks itself whether there is a GPU.
    torch_extra::cuda::load();
    cli::main()
}
