//! `cargo xtask`; all of it is in the library, of which `experiments` uses a part.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::main()
}
