//! Which module of a crate uses which: an arrow for each path in its code, followed through re-exports to where the item is
//! defined. Code for tests is left aside, and so are the declarations of modules themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, UseTree, Visibility};

use crate::sources::is_for_tests;

/// The names on the way to a module or an item, from the root of its crate.
type Names = Vec<String>;

/// The modules of a crate with their arrows.
pub(crate) struct Modules(BTreeMap<Names, Module>);

/// What a module says.
#[derive(Default)]
struct Module {
    children: BTreeSet<String>,
    items: BTreeSet<String>,
    /// Imports by the name they are known under, private ones too: the modules below may use those.
    imports: BTreeMap<String, Names>,
    /// Modules of which everything is imported.
    globs: Vec<Names>,
    /// Every path into the crate that its code names.
    paths: BTreeSet<Names>,
    /// Single names in its code.
    words: BTreeSet<String>,
    /// What the root of a crate re-exports, by name: no use of it as long as its own code does not name it.
    reexports: BTreeMap<String, Names>,
}

impl Modules {
    /// Reads the modules of a crate, of which this is the root file.
    pub(crate) fn read(root: &Path) -> Self {
        let mut modules = Self(BTreeMap::new());
        let text = fs::read_to_string(root).unwrap();
        modules.add(Names::new(), parsed(root, &text).items, root.parent().unwrap());
        modules
    }

    /// Adds a module, and those below it, whose files lie in `folder`.
    fn add(&mut self, name: Names, items: Vec<Item>, folder: &Path) {
        let mut reader = Reader { module: Module::default(), name: &name };
        reader.module.children =
            items.iter().filter_map(as_module).map(|child| child.ident.to_string()).collect();
        for item in &items {
            reader.visit_item(item);
        }
        let mut module = reader.module;
        let reexports = std::mem::take(&mut module.reexports).into_iter();
        module
            .paths
            .extend(reexports.filter_map(|(name, path)| module.words.contains(&name).then_some(path)));
        self.0.insert(name.clone(), module);
        for child in items.into_iter().filter(|item| as_module(item).is_some()) {
            let Item::Mod(child) = child else { continue };
            let own = child.ident.to_string();
            let below = folder.join(&own);
            let items = match child.content {
                Some((_, items)) => items,
                None => {
                    let named = path_of(&child.attrs).map(|path| folder.join(path));
                    let usual = [folder.join(format!("{own}.rs")), below.join("mod.rs")];
                    let file: Vec<PathBuf> = named.into_iter().chain(usual).collect();
                    let file = file.iter().find(|file| file.exists()).unwrap_or_else(|| panic!("{below:?}"));
                    parsed(file, &fs::read_to_string(file).unwrap()).items
                }
            };
            self.add([&name[..], &[own]].concat(), items, &below);
        }
    }

    /// The modules that a module uses.
    fn used_by(&self, name: &Names) -> BTreeSet<&Names> {
        let paths = self.0[name].paths.iter().filter_map(|path| self.home(path, 0));
        paths.filter(|home| *home != name).collect()
    }

    /// The module in which what a path names is defined.
    fn home(&self, path: &[String], depth: u32) -> Option<&Names> {
        assert!(depth < 40, "imports go round: {path:?}");
        let mut here = Names::new();
        for (place, segment) in path.iter().enumerate() {
            let module = &self.0[&here];
            if module.children.contains(segment) {
                here.push(segment.clone());
                continue;
            }
            let rest = &path[place + 1..];
            let follow = |target: &Names| self.home(&[target, rest].concat(), depth + 1);
            return match module.imports.get(segment) {
                _ if module.items.contains(segment) => self.key(&here),
                Some(target) => follow(target),
                None => {
                    let defining = module.globs.iter().find(|glob| self.has(glob, segment, depth));
                    match defining {
                        Some(glob) => self.home(&[glob, &path[place..]].concat(), depth + 1),
                        // An item of another crate that is known under a name here, or one that a macro makes.
                        None => self.key(&here),
                    }
                }
            };
        }
        self.key(&here)
    }

    /// Whether the module at the end of a path knows a name.
    fn has(&self, glob: &Names, name: &str, depth: u32) -> bool {
        let Some(home) = self.home(glob, depth + 1) else { return false };
        let module = &self.0[home];
        module.items.contains(name) || module.children.contains(name) || module.imports.contains_key(name)
    }

    fn key(&self, name: &Names) -> Option<&Names> {
        self.0.get_key_value(name).map(|(name, _)| name)
    }

    /// The arrows between these modules side by side and what lies below them, as text.
    pub(crate) fn arrows_among(&self, circle: &[String]) -> Vec<String> {
        let of = |name: &Names| {
            let name = shown(name);
            circle.iter().any(|own| name == *own || name.starts_with(&format!("{own}::")))
        };
        let inside = self.0.keys().filter(|name| of(name));
        let arrows = inside.flat_map(|name| self.used_by(name).into_iter().map(move |used| (name, used)));
        arrows
            .filter(|(_, used)| of(used))
            .map(|(name, used)| format!("{} -> {}", shown(name), shown(used)))
            .collect()
    }

    /// Circles: modules side by side each of which uses the others, directly or through more of them. What lies below a
    /// module belongs to it, so a module and its parts are one. The root of a crate counts as one more module next to its
    /// children: what it defines is either for them or made of them.
    pub(crate) fn circles(&self) -> Vec<Vec<String>> {
        let mut arrows: BTreeMap<&[String], Arrows<'_>> = BTreeMap::new();
        for name in self.0.keys() {
            for used in self.used_by(name) {
                let common = name.iter().zip(used).take_while(|(a, b)| a == b).count();
                let with_root = name.is_empty() || used.is_empty();
                if with_root || common < name.len() && common < used.len() {
                    let among = arrows.entry(&name[..common]).or_default();
                    let [name, used] = [name, used].map(|of| &of[..of.len().min(common + 1)]);
                    among.entry(name).or_default().insert(used);
                }
            }
        }
        let circles = arrows.values().flat_map(circles_among);
        circles.map(|circle| circle.iter().map(|name| shown(name)).collect()).collect()
    }
}

/// Which other modules next to it each module uses.
type Arrows<'a> = BTreeMap<&'a [String], BTreeSet<&'a [String]>>;

/// Circles of modules side by side, by which others each uses.
fn circles_among<'a>(arrows: &Arrows<'a>) -> BTreeSet<Vec<&'a [String]>> {
    let reached_from = |name: &'a [String]| {
        let mut reached = BTreeSet::new();
        let mut open = vec![name];
        while let Some(next) = open.pop() {
            open.extend(arrows.get(next).into_iter().flatten().filter(|used| reached.insert(**used)));
        }
        reached
    };
    let reached: BTreeMap<_, _> = arrows.keys().map(|&name| (name, reached_from(name))).collect();
    let circle = |name: &&'a [String]| {
        let back = |other: &&&'a [String]| reached.get(*other).is_some_and(|others| others.contains(name));
        reached[name].iter().filter(back).copied().collect::<Vec<_>>()
    };
    arrows.keys().map(circle).filter(|circle| !circle.is_empty()).collect()
}

/// A module's path as text; the root of the crate is `crate`.
fn shown(name: &[String]) -> String {
    if name.is_empty() { "crate".to_owned() } else { name.join("::") }
}

fn parsed(path: &Path, text: &str) -> syn::File {
    syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The file that `#[path = "..."]` names.
fn path_of(attributes: &[Attribute]) -> Option<String> {
    let named = attributes.iter().find(|attribute| attribute.path().is_ident("path"))?;
    match &named.meta.require_name_value().ok()?.value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// A module that is not for tests alone.
fn as_module(item: &Item) -> Option<&ItemMod> {
    match item {
        Item::Mod(module) if !is_for_tests(&module.attrs) => Some(module),
        _ => None,
    }
}

/// Reads the code of one module.
struct Reader<'a> {
    module: Module,
    name: &'a Names,
}

impl Reader<'_> {
    /// The path from the root of the crate, if it does not lead out of it.
    fn absolute(&self, path: &[String]) -> Option<Names> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&self.name[..], rest].concat()),
            "super" => {
                let ups = path.iter().take_while(|name| *name == "super").count();
                let above = self.name.len().checked_sub(ups)?;
                Some([&self.name[..above], &path[ups..]].concat())
            }
            child if self.module.children.contains(child) => Some([&self.name[..], path].concat()),
            _ => None,
        }
    }

    fn note(&mut self, path: &[String]) {
        self.module.paths.extend(self.absolute(path));
    }

    fn import(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before)),
            UseTree::Name(name) if name.ident == "self" => self.known_as(before.last().cloned(), before),
            UseTree::Name(name) => self.known_as(Some(name.ident.to_string()), &with(&name.ident)),
            UseTree::Rename(rename) => self.known_as(Some(rename.rename.to_string()), &with(&rename.ident)),
            UseTree::Glob(_) => {
                self.note(before);
                self.module.globs.extend(self.absolute(before));
            }
        }
    }

    fn known_as(&mut self, name: Option<String>, path: &[String]) {
        self.note(path);
        if let (Some(name), Some(target)) = (name, self.absolute(path)) {
            self.module.imports.insert(name, target);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (name, attributes) = match item {
            Item::Const(it) => (Some(&it.ident), &it.attrs),
            Item::Enum(it) => (Some(&it.ident), &it.attrs),
            Item::Fn(it) => (Some(&it.sig.ident), &it.attrs),
            Item::Impl(it) => (None, &it.attrs),
            Item::Macro(it) => (it.ident.as_ref(), &it.attrs),
            Item::Mod(_) => return,
            Item::Static(it) => (Some(&it.ident), &it.attrs),
            Item::Struct(it) => (Some(&it.ident), &it.attrs),
            Item::Trait(it) => (Some(&it.ident), &it.attrs),
            Item::Type(it) => (Some(&it.ident), &it.attrs),
            Item::Use(it) => (None, &it.attrs),
            _ => return,
        };
        if !is_for_tests(attributes) {
            self.module.items.extend(name.map(ToString::to_string));
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let before = self.module.paths.clone();
        self.import(&item.tree, &[]);
        if self.name.is_empty() && !matches!(item.vis, Visibility::Inherited) {
            self.module.paths = before;
            self.module.reexports.clone_from(&self.module.imports);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if path.leading_colon.is_none() {
            match &names[..] {
                [word] => drop(self.module.words.insert(word.clone())),
                _ => self.note(&names),
            }
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        visit::visit_path(self, &call.path);
        let mut path = Names::new();
        named_in(call.tokens.clone(), &mut path, &mut |path| self.note(path));
    }

    fn visit_visibility(&mut self, _visibility: &'ast Visibility) {}

    fn visit_attribute(&mut self, _attribute: &'ast Attribute) {}
}

/// Gives each path `a::b` in the tokens of a macro's call.
fn named_in(tokens: proc_macro2::TokenStream, path: &mut Names, found: &mut dyn FnMut(&[String])) {
    use proc_macro2::TokenTree;
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            TokenTree::Ident(ident) => {
                if colons != 2 && !path.is_empty() {
                    end(path, found);
                }
                path.push(ident.to_string());
                colons = 0;
            }
            other => {
                end(path, found);
                colons = 0;
                if let TokenTree::Group(group) = other {
                    named_in(group.stream(), path, found);
                    end(path, found);
                }
            }
        }
    }
    end(path, found);
}

fn end(path: &mut Names, found: &mut dyn FnMut(&[String])) {
    if path.len() > 1 {
        found(path);
    }
    path.clear();
}

/// Root files of a crate: its library and its programs.
pub(crate) fn roots(source: &Path) -> Vec<PathBuf> {
    let programs = fs::read_dir(source.join("bin")).into_iter().flatten().flat_map(|entry| {
        let path = entry.unwrap().path();
        [path.clone(), path.join("main.rs")].into_iter().filter(|path| path.is_file())
    });
    let own = ["lib.rs", "main.rs"].map(|name| source.join(name)).into_iter().filter(|path| path.exists());
    own.chain(programs.collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests;
