//! The front door, package `gleaner`, shows nothing of what works behind it.
//!
//! No public item names a type of tantivy or ort, or one of the byte layer of `format`; none takes
//! or returns runs of bytes, and none demands a closure. A type of another crate of ours that is
//! shown is followed to its definition, whose public parts must name no type of tantivy or ort
//! either. That `pub` is reached from outside is the compiler's to check (`unreachable_pub`).

use std::collections::{BTreeMap, BTreeSet};

use syn::{Ident, Item};

use crate::{
    modules::{Modules, Segments, type_name},
    shown::{Shown, is_public, last_name},
    sources::Repository,
};

const DOOR: &str = "engine";
const BEHIND: [&str; 2] = ["ort", "tantivy"];
const BYTE_LAYER: &str = "format";

/// Types of the byte layer's crate that are values, and may be shown.
const VALUES: [&str; 11] = [
    "Audit",
    "CiffError",
    "DenseError",
    "DenseSpec",
    "DenseStorage",
    "ExchangeError",
    "FormatError",
    "Metric",
    "RowError",
    "SparseVector",
    "VectorError",
];

/// Names that lead through names, before a path is given up.
const STEPS_LIMIT: usize = 6;

/// The crates that the front door may show.
struct House {
    crates: BTreeMap<String, Modules>,
    byte_layer: BTreeSet<String>,
}

impl House {
    fn read(repository: &Repository) -> Self {
        let crates = repository.crates().into_iter();
        let crates: BTreeMap<String, Modules> =
            crates.map(|name| (name.clone(), Modules::read(repository, &name))).collect();
        let byte_layer = crates.get(BYTE_LAYER).map_or_else(BTreeSet::new, |format| {
            let mut names = public_types(format);
            names.retain(|name| !VALUES.contains(&name.as_str()));
            names
        });
        Self { crates, byte_layer }
    }

    /// What is wrong with a path that the front door shows.
    fn wrong(&self, from: usize, path: &[String]) -> Option<String> {
        self.wrong_outside(outside(&self.crates[DOOR], from, path)?, STEPS_LIMIT)
    }

    /// What is wrong with a path into another crate.
    fn wrong_outside(&self, path: Segments, limit: usize) -> Option<String> {
        let (first, last) = (path.first()?, path.last()?);
        if BEHIND.contains(&first.as_str()) {
            return Some(path.join("::"));
        }
        let name = first.strip_prefix("gleaner_")?;
        let modules = self.crates.get(name)?;
        let is_own = name != BYTE_LAYER && public_types(modules).contains(last);
        if self.byte_layer.contains(last) && !is_own {
            return Some(path.join("::"));
        }
        let root = modules.all.iter().position(|it| it.file == format!("{name}/src/lib.rs"))?;
        let inside = [&["crate".to_owned()], &path[1..]].concat();
        if let Some(further) = outside(modules, root, &inside) {
            return self.wrong_outside(further, limit.checked_sub(1)?);
        }
        let is_module = modules.leads_to_module(root, &inside);
        let behind = shows_behind(modules, (!is_module).then_some(last))?;
        Some(format!("{}, which shows {behind}", path.join("::")))
    }

    /// Everything that the front door should not show.
    fn shown(&self) -> Vec<String> {
        let modules = &self.crates[DOOR];
        let public = public_types(modules);
        let mut found = Vec::new();
        for (number, module) in modules.all.iter().enumerate().filter(|(_, it)| !it.is_test) {
            for item in &module.items {
                if matches!(item, Item::Impl(_)) && !public.contains(&item_name(item)) {
                    continue;
                }
                let mut shown = Shown::of(item);
                if let Item::Use(item) = item
                    && is_public(&item.vis)
                {
                    shown.paths = Modules::imported(item);
                }
                let wrong = shown.paths.iter().filter_map(|path| self.wrong(number, path));
                let mut wrong: Vec<String> = wrong.collect();
                wrong.extend((shown.bytes > 0).then(|| "runs of bytes".to_owned()));
                let closures = shown.closures.iter();
                wrong.extend(closures.map(|function| format!("a closure that {function} demands")));
                let name = item_name(item);
                found.extend(wrong.iter().map(|it| format!("{}: {name} shows {it}", module.file)));
            }
        }
        found
    }
}

/// Follows a path through imports; returns the one that leads out of the crate, if it does.
fn outside(modules: &Modules, from: usize, path: &[String]) -> Option<Segments> {
    let (mut from, mut path) = (from, path.to_vec());
    for _ in 0..STEPS_LIMIT {
        path = modules.spelt_out(from, &path);
        let Some(target) = modules.target(from, &path) else {
            // One name that is not imported is of this module or of the prelude, or is a crate.
            let is_crate =
                |name: &String| BEHIND.contains(&name.as_str()) || name.starts_with("gleaner_");
            return (path.len() > 1 || path.first().is_some_and(is_crate)).then_some(path);
        };
        let name = path.last()?.clone();
        let imported = modules.spelt_out(target, std::slice::from_ref(&name));
        if imported == [name] {
            return None;
        }
        (from, path) = (target, imported);
    }
    None
}

/// A type of tantivy or ort that public items of a crate show: those of one name, or all.
fn shows_behind(modules: &Modules, name: Option<&String>) -> Option<String> {
    for (number, module) in modules.all.iter().enumerate().filter(|(_, it)| !it.is_test) {
        let items = module.items.iter();
        for item in items.filter(|item| name.is_none_or(|name| item_name(item) == *name)) {
            for path in Shown::of(item).paths {
                let path = outside(modules, number, &path).unwrap_or_default();
                if path.first().is_some_and(|first| BEHIND.contains(&first.as_str())) {
                    return Some(path.join("::"));
                }
            }
        }
    }
    None
}

fn public_types(modules: &Modules) -> BTreeSet<String> {
    let items = modules.all.iter().filter(|module| !module.is_test).flat_map(|it| &it.items);
    let public = items.filter(|item| match item {
        Item::Enum(item) => is_public(&item.vis),
        Item::Struct(item) => is_public(&item.vis),
        Item::Trait(item) => is_public(&item.vis),
        Item::Type(item) => is_public(&item.vis),
        Item::Union(item) => is_public(&item.vis),
        _ => false,
    });
    public.filter_map(type_name).collect()
}

/// The name of an item, or of the type that is implemented.
fn item_name(item: &Item) -> String {
    match item {
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Const(item) => item.ident.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Impl(item) => last_name(&item.self_ty).map_or_else(String::new, Ident::to_string),
        Item::Use(_) => "use".to_owned(),
        item => type_name(item).unwrap_or_default(),
    }
}

#[test]
fn the_front_door_shows_nothing_behind_it() {
    let repository = Repository::read();
    assert!(
        repository.has(DOOR),
        "there is no {DOOR}/: the front door moved, name its new place here"
    );
    let shown = House::read(&repository).shown();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

/// What a front door of this text shows.
fn shown_by(lib: &str) -> Vec<String> {
    let searcher = "mod hit;\npub use hit::{Hit, Open};\n\
                    pub use gleaner_format::{ImpactView as View, SparseVector};\n\
                    pub fn find() -> tantivy::Searcher {}";
    let hit = "use tantivy::Searcher as Inner;\npub struct Hit { pub score: f32, inner: Inner }\n\
               pub struct Open { pub inner: Inner }\nimpl Hit { pub fn id(&self) -> &str {} }";
    let format = "pub struct ImpactView; pub struct SparseVector; struct Hidden;";
    let files = [
        ("engine/Cargo.toml", ""),
        ("engine/src/lib.rs", lib),
        ("engine/src/inner.rs", "pub(crate) use tantivy::Index;\npub struct Own;"),
        ("searcher/Cargo.toml", ""),
        ("searcher/src/lib.rs", searcher),
        ("searcher/src/hit.rs", hit),
        ("format/Cargo.toml", ""),
        ("format/src/lib.rs", format),
    ];
    House::read(&Repository::of(&files)).shown()
}

#[test]
fn what_a_front_door_should_not_show_is_found() {
    let cases = [
        ("pub fn a() -> tantivy::Index {}", "a shows tantivy::Index"),
        ("use tantivy::Index; pub struct A { pub index: Index }", "A shows tantivy::Index"),
        ("use inner::Index; pub type A = Vec<Index>;", "A shows tantivy::Index"),
        ("use tantivy as t; pub enum A { B(t::Index) }", "A shows tantivy::Index"),
        ("pub trait A { fn a(&self, b: &ort::Session); }", "A shows ort::Session"),
        ("pub struct A; impl A { pub fn a() -> ort::S {} }", "A shows ort::S"),
        ("pub struct A; impl Iterator for A { type Item = ort::S; }", "A shows ort::S"),
        ("pub struct A; impl From<ort::Error> for A {}", "A shows ort::Error"),
        ("pub use tantivy::Index;", "use shows tantivy::Index"),
        ("pub use gleaner_format::ImpactView;", "use shows gleaner_format::ImpactView"),
        (
            "use gleaner_format as f; pub fn a(b: f::ImpactView) {}",
            "a shows gleaner_format::ImpactView",
        ),
        (
            "pub use gleaner_searcher::Open;",
            "use shows gleaner_searcher::Open, which shows tantivy::Searcher",
        ),
        (
            "pub fn a() -> gleaner_searcher::Open {}",
            "a shows gleaner_searcher::Open, which shows tantivy::Searcher",
        ),
        (
            "pub use gleaner_searcher::*;",
            "use shows gleaner_searcher, which shows tantivy::Searcher",
        ),
        (
            "pub use gleaner_searcher as s;",
            "use shows gleaner_searcher, which shows tantivy::Searcher",
        ),
        (
            "pub use gleaner_searcher::hit;",
            "use shows gleaner_searcher::hit, which shows tantivy::Searcher",
        ),
        ("pub use gleaner_searcher::View;", "use shows gleaner_format::ImpactView"),
        ("pub fn a(b: &[u8]) {}", "a shows runs of bytes"),
        ("pub fn a() -> Option<Vec<u8>> {}", "a shows runs of bytes"),
        ("pub fn a(b: impl Fn(u8)) {}", "a shows a closure that a demands"),
        ("pub fn a(b: &mut dyn FnMut(u8)) {}", "a shows a closure that a demands"),
        ("pub fn a<F>(b: F) where F: FnOnce() {}", "a shows a closure that a demands"),
        ("pub fn a<F: Fn()>(b: Vec<F>) {}", "a shows a closure that a demands"),
        (
            "pub struct A; impl A { pub fn on(&self, b: impl Fn()) -> u8 {} }",
            "A shows a closure that on demands",
        ),
        ("pub fn a(b: fn(u8)) {}", "a shows a closure that a demands"),
    ];
    for (text, expected) in cases {
        let found = shown_by(&format!("mod inner;\n{text}"));
        assert_eq!(found, [format!("engine/src/lib.rs: {expected}")], "{text}");
    }
}

#[test]
fn a_good_front_door_shows_nothing() {
    let good = [
        "use tantivy::Index; pub struct A { index: Index }",
        "pub(crate) fn a() -> tantivy::Index {}",
        "struct A; impl A { pub(crate) fn a(b: &[u8]) {} }",
        "struct A; impl Iterator for A { type Item = tantivy::Index; }",
        "pub use inner::Own; pub fn a(b: Own) -> Result<Own, std::io::Error> {}",
        "pub use gleaner_format::SparseVector; pub use gleaner_searcher::Hit;",
        "pub fn a() -> gleaner_searcher::SparseVector {}",
        "pub fn a(b: Option<&mut dyn FnMut(u8)>) {}",
        "pub struct A; impl A { pub fn on(self, b: impl Fn(u8)) -> Self {} }",
        "pub struct A<'a>; impl<'a> A<'a> { pub fn on<'b>(self, b: Box<dyn Fn() + 'b>) -> A<'b> {} }",
        "pub fn a() { let b: tantivy::Index; }",
        "#[cfg(test)] pub fn a() -> tantivy::Index {}",
        "pub fn a(b: &[f32], c: &[&str]) -> Vec<u32> {}",
    ];
    for text in good {
        assert_eq!(shown_by(&format!("mod inner;\n{text}")), Vec::<String>::new(), "{text}");
    }
}
