//! The libraries of this process.

use std::path::PathBuf;

/// Returns the paths of the program and of all libraries that this process has loaded, each once; none where Linux's `/proc` is not
/// mounted.
#[must_use]
pub fn loaded() -> Vec<PathBuf> {
    in_maps(&std::fs::read_to_string("/proc/self/maps").unwrap_or_default())
}

/// Files that are mapped and may be executed.
fn in_maps(maps: &str) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for line in maps.lines() {
        let mut words = line.splitn(6, ' ');
        let executable = words.nth(1).is_some_and(|rights| rights.contains('x'));
        let path = words.nth(3).map(str::trim_start).filter(|path| path.starts_with('/'));
        if let (true, Some(path)) = (executable, path) {
            let path = PathBuf::from(path);
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_files_of_the_memory_map_are_listed_once() {
        let maps = "55d0-55d1 r--p 00000000 08:01 1234                       /bin/finetune\n\
                    55d1-55d2 r-xp 00001000 08:01 1234                       /bin/finetune\n\
                    55d2-55d3 r-xp 00002000 08:01 1234                       /bin/finetune\n\
                    7f00-7f01 r-xp 00000000 08:01 99                         /my libs/libc10.so\n\
                    7f01-7f02 rw-p 00000000 00:00 0 \n\
                    7f02-7f03 r--p 00000000 08:01 98                         /usr/share/locale/C.mo\n\
                    7ffe-7fff r-xp 00000000 00:00 0                          [vdso]\n";
        assert_eq!(in_maps(maps), ["/bin/finetune", "/my libs/libc10.so"].map(PathBuf::from));
    }

    #[test]
    fn this_process_has_the_c_library() {
        let names = loaded();
        assert!(names.iter().any(|path| path.to_string_lossy().contains("libc.so")), "{names:?}");
    }
}
