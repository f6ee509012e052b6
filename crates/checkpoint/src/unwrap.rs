//! Which tensors of a file are the weights: the one place that takes off containers, prefixes and other people's names.
//!
//! A file's tensors are named by all the keys that lead to them (`state_dict.module.conv1.weight`), so that a container is
//! a prefix like any other. For a network whose names are known ([`Layout`]) the prefix is **the one under which most of its
//! tensors are found**, whatever it is called: no list of containers and wrappers could be complete. Names that
//! wrappers leave in the middle (`features.module.0.weight`, `layer1._fsdp_wrapped_module.0...`) are passed over.
//!
//! Where a network lies in the file more than once, in this order:
//! 1. where more of its tensors are, and in its shapes: an average that lacks the running statistics is no whole network;
//! 2. not among an optimizer's state;
//! 3. **averaged weights before raw ones** (`ema`, `net_ema`, `state_dict_ema`, ...), as timm and Ultralytics choose: they
//!    are what was validated. Of contrastive pairs the trained encoder (`encoder_q`, `online`);
//! 4. the usual containers (`state_dict`, `model`, `best`, `student`, ...) before unknown words, and those before what
//!    words call an earlier or another network (`init`, `old`, `last`, `pretrained`, `discriminator`, ...). A `teacher` is
//!    such another one, unless it is called an average or the losses of DINO lie in the file;
//! 5. the one that comes first in the file: that is a guess, and gives a warning.
//!
//! [`Unwrapped`] lists everything that was taken off or left out.

mod rank;
mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use self::rank::{Rank, has_averaging_teacher, rank};
use self::words::{CONTAINERS, COUNTERS, HEADS, WRAPPERS};

use crate::content::Leaf;
use crate::parts::{is_part, whole};

/// The names and shapes of a network's tensors, and what else they are called.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Extents of each tensor by name.
    pub tensors: BTreeMap<String, Vec<usize>>,
    /// Path root of the classifier, `fc`.
    pub head: String,
    /// Other schemes of names than its own.
    pub dialects: &'static [Dialect],
}

/// The names that another library gives to the same tensors.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// The library.
    pub name: &'static str,
    /// A name of theirs -> ours; None where it is none of theirs. `NAME[1]` is the second part of ours, along the first axis;
    /// `NAME[1 of 3]` where parts that the file lacks are zero.
    pub rename: fn(&str) -> Option<String>,
    /// What its networks compute otherwise under the same names, so that weights of theirs predict a little worse; `None`
    /// where they compute the same.
    pub differs: Option<&'static str>,
}

/// What was taken off to find a network's tensors, and what was left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unwrapped {
    /// Containers and prefixes in front of every name, with the dot at its end: `state_dict.module.`; empty where names were bare.
    pub prefix: String,
    /// Prefix of the head's tensors, where it is another.
    pub head_prefix: Option<String>,
    /// Parts that wrappers left in the middle of names, `module`.
    pub inner: Vec<String>,
    /// The library whose names they have.
    pub dialect: Option<&'static str>,
    /// Other prefixes under which the same network lies, with the number of its tensors.
    pub others: Vec<(String, usize)>,
    /// Those of the other prefixes that might as well have been taken: nothing in the file but the order tells them apart.
    pub tied: Vec<String>,
    /// Tensors that are no weights, under their names in the file.
    pub unused: Vec<String>,
}

/// Which leaves are the weights, and their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    /// Position and name, in the file's order.
    pub(super) chosen: Vec<(usize, String)>,
    pub(super) unwrapped: Unwrapped,
}

impl Unwrapped {
    /// The warning that another copy of the network might as well have been taken; None where nothing was guessed.
    #[must_use]
    pub fn guess(&self) -> Option<String> {
        let others: Vec<String> =
            self.tied.iter().take(3).map(|prefix| format!("{:?}", prefix.trim_end_matches('.'))).collect();
        let more = if self.tied.len() > 3 { ", ..." } else { "" };
        (!others.is_empty()).then(|| {
            format!(
                "holds the same network more than once, and nothing says which is meant: took {:?}, the first, and not {}{more}; save the one you want in a file of its own",
                self.prefix.trim_end_matches('.'),
                others.join(", ")
            )
        })
    }

    /// In a sentence or two; empty where nothing was taken off and nothing left.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut parts = Vec::new();
        if !self.prefix.is_empty() {
            parts.push(format!("took {:?} off its names", self.prefix.trim_end_matches('.')));
        }
        if let Some(prefix) = &self.head_prefix {
            parts.push(format!("took its head from {:?}", prefix.trim_end_matches('.')));
        }
        if !self.inner.is_empty() {
            parts.push(format!("passed over {} within names", self.inner.join(", ")));
        }
        if let Some(dialect) = self.dialect {
            parts.push(format!("read the names of {dialect}"));
        }
        if !self.others.is_empty() {
            let others = self.others.iter().take(3);
            let others = others.map(|(prefix, count)| match prefix.trim_end_matches('.') {
                "" => format!("no prefix ({count} tensors)"),
                prefix => format!("{prefix:?} ({count} tensors)"),
            });
            parts.push(format!(
                "did not use the same network under {}",
                others.collect::<Vec<_>>().join(", ")
            ));
        }
        if !self.unused.is_empty() {
            let first: Vec<&str> = self.unused.iter().take(3).map(String::as_str).collect();
            let more = if self.unused.len() > 3 { ", ..." } else { "" };
            parts.push(format!(
                "left {} other tensors unused ({}{more})",
                self.unused.len(),
                first.join(", ")
            ));
        }
        parts.join("; ")
    }
}

/// Where a network's tensors are among all of a file, or nothing if there are none.
pub(super) fn select(leaves: &[Leaf], layout: &Layout) -> Option<Selection> {
    let mut groups: HashMap<(usize, String), Group> = HashMap::new();
    let paths: Vec<String> = leaves.iter().map(Leaf::path).collect();
    for (index, path) in paths.iter().enumerate() {
        for (start, name) in suffixes(path) {
            for (scheme, ours) in readings(&name, layout) {
                let Some(shape) = layout.tensors.get(whole(&ours)) else { continue };
                let group = groups.entry((scheme, path[..start].to_owned())).or_default();
                let theirs = &leaves[index].shape;
                // The classes of a head are whatever they are.
                let of_head =
                    ours.strip_prefix(layout.head.as_str()).is_some_and(|rest| rest.starts_with('.'))
                        && theirs.len() == shape.len()
                        && theirs.get(1..) == shape.get(1..);
                let fits =
                    of_head || theirs == shape || flattened(theirs, shape) || is_part(&ours, theirs, shape);
                group.add(index, ours, fits);
            }
        }
    }
    let averaging_teacher = has_averaging_teacher(&paths);
    let worth = |prefix: &str, group: &Group| (group.worth(), rank(prefix, averaging_teacher));
    let best = groups.iter().max_by_key(|((scheme, prefix), group)| {
        let first = group.found.values().map(|(index, _)| *index).min().unwrap_or(usize::MAX);
        (worth(prefix, group), std::cmp::Reverse((*scheme, first, prefix.len())))
    });
    let ((scheme, prefix), group) = best?;
    let mut unwrapped =
        Unwrapped { prefix: prefix.clone(), dialect: scheme_name(*scheme, layout), ..Unwrapped::default() };
    let mut taken: BTreeMap<usize, String> =
        group.found.iter().map(|(name, (index, _))| (*index, name.clone())).collect();
    let renamed = |name: &str| scheme_renames(*scheme, layout, name);
    take_head(&mut taken, &mut unwrapped, &paths, leaves, layout, &renamed);

    let mut names: BTreeSet<String> = taken.values().cloned().collect();
    // The first parts of the names as the file has them: what else lies there is of the same network.
    let theirs: BTreeSet<String> = taken
        .keys()
        .filter_map(|&index| {
            first_part(&without_wrappers(paths[index].strip_prefix(prefix.as_str())?, layout))
        })
        .collect();
    let roots: BTreeSet<&str> = layout.tensors.keys().filter_map(|name| name.split('.').next()).collect();
    let mut inner = BTreeSet::new();
    for (index, path) in paths.iter().enumerate() {
        let Some(rest) = path.strip_prefix(prefix.as_str()) else { continue };
        inner.extend(
            rest.split('.')
                .filter(|part| taken.contains_key(&index) && is_wrapper(part, layout))
                .map(str::to_owned),
        );
        if taken.contains_key(&index) {
            continue;
        }
        // What lies among the network's own names and is not known belongs to another network; the caller decides.
        let bare = without_wrappers(rest, layout);
        let among_theirs = first_part(&bare).is_some_and(|part| theirs.contains(&part));
        let ours = scheme_renames(*scheme, layout, &bare).unwrap_or(bare);
        let counts = ours.rsplit('.').next().is_some_and(|last| COUNTERS.contains(&last));
        let within = among_theirs || roots.contains(ours.split('.').next().unwrap_or_default());
        let values = leaves[index].shape.iter().product::<usize>();
        if within && !counts && values > 1 && names.insert(ours.clone()) {
            taken.insert(index, ours);
        }
    }
    unwrapped.inner = inner.into_iter().collect();
    let half = group.found.len().div_ceil(2).max(2);
    let mut others = BTreeMap::new();
    for ((_, other), found) in &groups {
        let left = found.found.values().filter(|(index, _)| !taken.contains_key(index)).count();
        let is_copy = other != prefix && left >= half && rank(other, averaging_teacher) > Rank::Optimizer;
        if is_copy {
            others.insert(other.clone(), found.found.len());
            if worth(other, found) == worth(prefix, group) && !unwrapped.tied.contains(other) {
                unwrapped.tied.push(other.clone());
            }
        }
    }
    unwrapped.tied.sort();
    unwrapped.others = others.into_iter().collect();
    unwrapped.unused = (0..leaves.len())
        .filter(|index| !taken.contains_key(index))
        .map(|index| paths[index].clone())
        .collect();
    Some(Selection { chosen: taken.into_iter().collect(), unwrapped })
}

/// Where no network's names are known: containers by their names, as long as there are tensors nowhere else at that level.
pub(super) fn by_form(leaves: &[Leaf]) -> Selection {
    let mut depth = 0;
    let mut chosen: Vec<usize> = (0..leaves.len()).collect();
    let mut prefix = String::new();
    while chosen.iter().all(|&index| leaves[index].levels.len() > depth + 1) {
        let under = |key: &str| -> Vec<usize> {
            chosen.iter().copied().filter(|&index| leaves[index].levels[depth] == key).collect()
        };
        let Some(key) = CONTAINERS.iter().find(|key| !under(key).is_empty()) else { break };
        chosen = under(key);
        prefix.push_str(&format!("{key}."));
        depth += 1;
    }
    let used: BTreeSet<usize> = chosen.iter().copied().collect();
    let mut names: Vec<String> =
        chosen.iter().map(|&index| leaves[index].levels[depth..].join(".")).collect();
    while let Some(wrapper) = common_wrapper(&names) {
        names.iter_mut().for_each(|name| *name = name[wrapper.len() + 1..].to_owned());
        prefix.push_str(&format!("{wrapper}."));
    }
    let unused =
        (0..leaves.len()).filter(|index| !used.contains(index)).map(|index| leaves[index].path()).collect();
    Selection {
        chosen: chosen.into_iter().zip(names).collect(),
        unwrapped: Unwrapped { prefix, unused, ..Unwrapped::default() },
    }
}

/// The wrapper's part with which all names begin.
fn common_wrapper(names: &[String]) -> Option<&'static str> {
    let all = |wrapper: &&str| {
        names.iter().all(|name| {
            name.strip_prefix(*wrapper).is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
        })
    };
    WRAPPERS.into_iter().find(all).filter(|_| !names.is_empty())
}

/// Whether an array of these extents is one of those with its last ones flattened, or without extents of 1 at its end: a 1x1
/// convolution for a linear layer, a factor for each channel, as timm has them.
pub(super) fn flattened(file: &[usize], network: &[usize]) -> bool {
    let with_ones = !file.is_empty()
        && network.len() > file.len()
        && network.starts_with(file)
        && network[file.len()..].iter().all(|&extent| extent == 1);
    with_ones
        || file.len() > network.len()
            && network.len() >= 2
            && file[..network.len() - 1] == network[..network.len() - 1]
            && file[network.len() - 1..].iter().product::<usize>() == network[network.len() - 1]
}

/// Tensors of a network found under one prefix.
#[derive(Default)]
struct Group {
    /// Position and whether its shape is the network's, by the network's name.
    found: BTreeMap<String, (usize, bool)>,
}

impl Group {
    fn add(&mut self, index: usize, name: String, fits: bool) {
        let entry = self.found.entry(name).or_insert((index, fits));
        if fits && !entry.1 {
            *entry = (index, fits);
        }
    }

    fn worth(&self) -> usize {
        let fitting = self.found.values().filter(|(_, fits)| *fits).count();
        self.found.len() + 2 * fitting
    }
}

/// Every ending of a path that begins at a level, with where it begins, and wrappers in it passed over.
fn suffixes(path: &str) -> impl Iterator<Item = (usize, String)> {
    const LONGEST: usize = 1000;
    let path = if path.len() > LONGEST { "" } else { path };
    let starts = std::iter::once(0).chain(path.match_indices('.').map(|(place, _)| place + 1));
    let begins_with_wrapper =
        |rest: &str| rest.split('.').next().is_some_and(|part| WRAPPERS.contains(&part));
    starts.flat_map(move |start| {
        let rest = &path[start..];
        let bare = (!begins_with_wrapper(rest) && rest.split('.').any(|part| WRAPPERS.contains(&part)))
            .then(|| rest.split('.').filter(|part| !WRAPPERS.contains(part)).collect::<Vec<_>>().join("."));
        std::iter::once((start, rest.to_owned())).chain(bare.map(|bare| (start, bare)))
    })
}

/// What a name is in the network's own scheme, by each scheme that knows it: 0 is the network's.
fn readings<'a>(name: &'a str, layout: &'a Layout) -> impl Iterator<Item = (usize, String)> + 'a {
    let schemes = layout.dialects.iter().enumerate();
    let theirs = schemes.filter_map(move |(place, dialect)| Some((place + 1, (dialect.rename)(name)?)));
    std::iter::once((0, name.to_owned())).chain(theirs)
}

fn scheme_name(scheme: usize, layout: &Layout) -> Option<&'static str> {
    Some(layout.dialects.get(scheme.checked_sub(1)?)?.name)
}

fn scheme_renames(scheme: usize, layout: &Layout, name: &str) -> Option<String> {
    (layout.dialects.get(scheme.checked_sub(1)?)?.rename)(name)
}

/// Whether a part of a name is a wrapper's and none of the network's own.
fn is_wrapper(part: &str, layout: &Layout) -> bool {
    WRAPPERS.contains(&part) && !layout.tensors.keys().any(|name| name.split('.').any(|own| own == part))
}

fn first_part(name: &str) -> Option<String> {
    name.split('.').next().map(str::to_owned)
}

fn without_wrappers(name: &str, layout: &Layout) -> String {
    name.split('.').filter(|part| !is_wrapper(part, layout)).collect::<Vec<_>>().join(".")
}

/// A head that is not under the backbone's prefix has a prefix of its own: `head.fc.weight` next to `backbone.conv1.weight`.
fn take_head(
    taken: &mut BTreeMap<usize, String>,
    unwrapped: &mut Unwrapped,
    paths: &[String],
    leaves: &[Leaf],
    layout: &Layout,
    renamed: &dyn Fn(&str) -> Option<String>,
) {
    let below = format!("{}.", layout.head);
    let missing: Vec<&String> = layout.tensors.keys().filter(|name| name.starts_with(&below)).collect();
    if unwrapped.prefix.is_empty() || missing.iter().any(|name| taken.values().any(|known| known == *name)) {
        return;
    }
    let parent = unwrapped.prefix.trim_end_matches('.').rsplit_once('.').map_or("", |(parent, _)| parent);
    let parent = if parent.is_empty() { String::new() } else { format!("{parent}.") };
    let places = std::iter::once(parent.clone()).chain(HEADS.iter().map(|head| format!("{parent}{head}.")));
    for place in places {
        let found: Vec<(usize, String)> = missing
            .iter()
            .filter_map(|name| {
                let is_it = |rest: &str| rest == name.as_str() || renamed(rest).as_ref() == Some(*name);
                let index = paths.iter().position(|path| path.strip_prefix(&place).is_some_and(is_it))?;
                let rank = layout.tensors.get(*name).map(Vec::len);
                (rank == Some(leaves[index].shape.len()) && !taken.contains_key(&index))
                    .then(|| (index, (*name).clone()))
            })
            .collect();
        if !found.is_empty() && found.len() == missing.len() {
            taken.extend(found);
            unwrapped.head_prefix = Some(place);
            return;
        }
    }
}
