use std::{env, fs};

/// Returns the processor's name, as the system tells it.
#[must_use]
pub fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if cfg!(target_os = "macos") {
        let asked = std::process::Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"]).output();
        return asked.map_or_else(
            |_| env::consts::ARCH.to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        );
    }
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let flags = field("flags").unwrap_or_default();
    let short = ["amx_bf16", "avx512_bf16"].into_iter().find(|flag| flags.split(' ').any(|one| one == *flag));
    let name = field("model name").unwrap_or_else(|| env::consts::ARCH.to_owned());
    short.map_or(name.clone(), |short| format!("{name} ({short})"))
}
