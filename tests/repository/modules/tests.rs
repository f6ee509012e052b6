//! The reader of modules finds what small sources use.

use super::*;

/// Circles of a crate with these files.
fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Modules::read(&folder.path().join("lib.rs")).circles()
}

#[test]
fn a_circle_is_seen_through_reexports_macros_and_types() {
    let lib = ("lib.rs", "mod a; mod b; mod error; pub use a::A; pub use error::Error;");
    let a = "pub struct A; fn f() -> crate::Error { todo!() }";
    assert_eq!(
        circles(&[lib, ("a.rs", a), ("b.rs", "use crate::A;"), ("error.rs", "pub struct Error;")]),
        [[""; 0]; 0]
    );
    for through in ["pub struct Error(super::b::B);", "fn f() { println!(\"{}\", crate::b::g()); }"] {
        let error = format!("pub struct Error2; {through}");
        let files = [lib, ("a.rs", a), ("b.rs", "use crate::A; pub struct B;"), ("error.rs", &*error)];
        assert_eq!(circles(&files), [["a", "b", "error"]], "{through}");
    }
}

#[test]
fn tests_and_declarations_are_no_arrows() {
    let a = "pub mod below; #[cfg(test)] mod tests { use crate::b::B; }";
    let files =
        [("lib.rs", "mod a; mod b;"), ("a.rs", a), ("a/below.rs", ""), ("b.rs", "use crate::a::below;")];
    assert_eq!(circles(&files), [[""; 0]; 0]);
    let parent = [
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod c; use c::C; pub struct A;"),
        ("a/c.rs", "use super::A; pub struct C;"),
    ];
    assert_eq!(circles(&parent), [[""; 0]; 0], "a part may use the whole");
}

#[test]
fn the_root_is_in_a_circle_with_a_child_that_it_uses_and_that_uses_it() {
    let child = ("a.rs", "use crate::Whole; pub struct A;");
    for (lib, circle) in [
        ("mod a; pub use a::A; pub struct Whole;", false),
        ("mod a; pub use a::A; pub struct Whole(A);", true),
        ("mod a; pub struct Whole(a::A);", true),
    ] {
        let found = circles(&[("lib.rs", lib), child]);
        assert_eq!(found, if circle { vec![["crate", "a"]] } else { vec![] }, "{lib}");
    }
}
