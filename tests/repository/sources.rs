//! The Rust files of the repository: where they are, how long, and which of their functions take a tuple.

use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Attribute, FnArg, ImplItemFn, Item, ItemImpl, Pat, Signature, Type};

/// Traits of others whose functions take what those say: a tuple, for some types.
const DICTATED: [&str; 4] = ["From", "TryFrom", "FromIterator", "Extend"];

/// All Rust files below a folder, sorted, what cargo built left aside.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Number of lines of a file.
pub(crate) fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap().lines().count()
}

/// Whether `#[cfg(test)]` or the like stands over an item.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && attribute.meta.to_token_stream().to_string().contains("test"))
    })
}

/// Names of the functions in a text of Rust that have a tuple among their parameters, `Type::function` for a method.
pub(crate) fn functions_with_tuples(text: &str) -> Vec<String> {
    let mut reader = Reader { of: String::new(), found: Vec::new() };
    reader.visit_file(&syn::parse_file(text).unwrap());
    reader.found
}

struct Reader {
    /// What a method's name is preceded by.
    of: String,
    found: Vec<String>,
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(it) => &it.attrs,
            Item::Mod(it) => &it.attrs,
            Item::Impl(it) => &it.attrs,
            _ => &Vec::new(),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let dictated = item.trait_.as_ref().and_then(|(path, _)| path.segments.last());
        if dictated.is_some_and(|name| DICTATED.iter().any(|dictated| name.ident == dictated)) {
            return;
        }
        let own = item.self_ty.to_token_stream().to_string();
        let name = own.split(['<', ' ']).next().unwrap_or_default().to_owned();
        let before = std::mem::replace(&mut self.of, format!("{name}::"));
        visit::visit_item_impl(self, item);
        self.of = before;
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_signature(&mut self, signature: &'ast Signature) {
        if signature.inputs.iter().any(is_tuple) {
            self.found.push(format!("{}{}", self.of, signature.ident));
        }
    }
}

/// Whether a parameter is taken apart as a tuple, or is one, or a reference to one.
fn is_tuple(parameter: &FnArg) -> bool {
    let FnArg::Typed(parameter) = parameter else { return false };
    let mut kind = &*parameter.ty;
    while let Type::Reference(reference) = kind {
        kind = &reference.elem;
    }
    let is_tuple = matches!(kind, Type::Tuple(tuple) if !tuple.elems.is_empty());
    is_tuple || matches!(&*parameter.pat, Pat::Tuple(_))
}

#[test]
fn tuples_are_seen_where_they_are_parameters_and_nowhere_else() {
    let text = "fn a((x, y): (u8, u8)) {} fn b(pair: &(u8, u8)) -> (u8, u8) { [*pair].map(|(x, y)| (x, y))[0] }
                impl T { fn c(&self, p: (u8, u8)) {} fn d(&self, p: impl Fn((u8, u8)), q: &[(u8, u8)], none: ()) {} }
                impl TryFrom<(u8, u8)> for T { fn try_from(p: (u8, u8)) {} }
                #[cfg(test)] mod tests { fn e(p: (u8, u8)) {} }";
    assert_eq!(functions_with_tuples(text), ["a", "b", "T::c"]);
}
