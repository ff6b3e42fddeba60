//! The tree of modules of a crate, and what each of them refers to.
//!
//! A module knows its file, its children, its items and the paths it names: `use` trees, inline
//! paths, paths within macros and within attributes. A path leads to the last module on its way:
//! what a parent re-exports is the parent's. What `cfg(test)` brings in is marked, and refers to
//! nothing.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, ImplItem, Item, Lit, Macro, Meta, Path, TraitItem, UseTree, VisRestricted,
    visit::{self, Visit},
};

use crate::sources::Repository;

/// Names that lead through names, before a path is given up.
const ALIASES_LIMIT: usize = 4;

/// A path, segment by segment.
pub(crate) type Segments = Vec<String>;

/// One module of a crate.
pub(crate) struct Module {
    /// The file it is written in.
    pub(crate) file: String,
    /// Its items, without modules.
    pub(crate) items: Vec<Item>,
    /// Whether it is there in tests only.
    pub(crate) is_test: bool,
    /// Paths it names, in `use` trees and elsewhere.
    pub(crate) paths: Vec<Segments>,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// What names that are imported stand for.
    aliases: BTreeMap<String, Segments>,
    globs: Vec<Segments>,
}

/// The modules of one crate, of all its programs.
pub(crate) struct Modules {
    /// All modules, parents first.
    pub(crate) all: Vec<Module>,
}

impl Modules {
    /// Reads the crate in a folder.
    /// Panics: on source files that no module leads to, for they would be checked by nobody.
    pub(crate) fn read(repository: &Repository, folder: &str) -> Self {
        let src = format!("{folder}/src/");
        let mut modules = Self { all: Vec::new() };
        for (path, _) in repository.rust().filter(|(path, _)| path.starts_with(&src)) {
            let name = &path[src.len()..];
            let is_program = name.strip_prefix("bin/").is_some_and(|name| !name.contains('/'));
            if name == "lib.rs" || name == "main.rs" || is_program {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                modules.add_file(repository, path, folder, None);
            }
        }
        for (path, _) in repository.rust().filter(|(path, _)| path.starts_with(&src)) {
            let is_known = modules.all.iter().any(|module| module.file == path);
            assert!(is_known, "no module leads to {path}");
        }
        modules
    }

    fn add_file(
        &mut self,
        repository: &Repository,
        file: &str,
        children: &str,
        parent: Option<(usize, bool)>,
    ) -> usize {
        let text = repository.text(file).unwrap_or_else(|| panic!("there is no {file}"));
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let is_test = parent.is_some_and(|parent| parent.1) || is_test(&parsed.attrs);
        let place = Place { file, children, parent: parent.map(|parent| parent.0), is_test };
        self.add(repository, place, parsed.items)
    }

    fn add(&mut self, repository: &Repository, place: Place<'_>, items: Vec<Item>) -> usize {
        let number = self.all.len();
        let (modules, items): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| matches!(item, Item::Mod(_)));
        let mut reader = Reader::default();
        if !place.is_test {
            items.iter().for_each(|item| reader.visit_item(item));
        }
        self.all.push(Module {
            file: place.file.to_owned(),
            items: items.into_iter().filter(|item| !is_test(attributes(item))).collect(),
            is_test: place.is_test,
            paths: reader.paths,
            parent: place.parent,
            children: BTreeMap::new(),
            aliases: reader.aliases,
            globs: reader.globs,
        });
        for module in modules {
            let Item::Mod(module) = module else { continue };
            let (name, is_test) = (module.ident.to_string(), is_test(&module.attrs));
            let is_test = is_test || place.is_test;
            let children = format!("{}/{name}", place.children);
            let child = match module.content {
                Some((_, items)) => {
                    let (file, children) = (place.file, children.as_str());
                    let inner = Place { file, children, parent: Some(number), is_test };
                    self.add(repository, inner, items)
                }
                None => {
                    let file = place.file_of(repository, &name, &module.attrs);
                    self.add_file(repository, &file, &children, Some((number, is_test)))
                }
            };
            self.all[number].children.insert(name, child);
        }
        number
    }

    /// The module that a path named in another leads to; `None` if it leads out of the crate.
    pub(crate) fn target(&self, from: usize, path: &[String]) -> Option<usize> {
        self.follow(from, path, ALIASES_LIMIT)
    }

    fn follow(&self, from: usize, path: &[String], limit: usize) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" => self.root_of(from),
            "self" => from,
            "super" => self.all[from].parent?,
            name => match self.child(from, name) {
                Some(child) => child,
                None => return self.follow_import(from, path, limit),
            },
        };
        let mut at = start;
        for segment in rest {
            let next = match segment.as_str() {
                "super" => self.all[at].parent,
                name => self.child(at, name),
            };
            // The first name that is no module ends the way.
            let Some(next) = next else { break };
            at = next;
        }
        Some(at)
    }

    /// Follows a path whose first name is imported, by name or by `*`.
    fn follow_import(&self, from: usize, path: &[String], limit: usize) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        let limit = limit.checked_sub(1)?;
        if let Some(imported) = self.all[from].aliases.get(first) {
            return self.follow(from, &[imported, rest].concat(), limit);
        }
        let globs = self.all[from].globs.iter().filter_map(|glob| self.follow(from, glob, limit));
        let has = |&module: &usize| {
            self.child(module, first).is_some() || self.all[module].aliases.contains_key(first)
        };
        let module = globs.filter(|&module| module != from).find(has)?;
        self.follow(module, path, limit)
    }

    /// Whether the last name of a path, from the root, is a module.
    pub(crate) fn leads_to_module(&self, from: usize, path: &[String]) -> bool {
        let Some((_, before)) = path.split_last() else { return false };
        before.is_empty() || self.target(from, path) != self.target(from, before)
    }

    /// The paths that a `use` imports.
    pub(crate) fn imported(item: &syn::ItemUse) -> Vec<Segments> {
        let mut reader = Reader::default();
        reader.visit_item_use(item);
        reader.paths
    }

    fn child(&self, module: usize, name: &str) -> Option<usize> {
        let child = *self.all[module].children.get(name)?;
        (!self.all[child].is_test).then_some(child)
    }

    fn root_of(&self, mut module: usize) -> usize {
        while let Some(parent) = self.all[module].parent {
            module = parent;
        }
        module
    }

    /// A path as it would be written without imports: an imported first name is replaced by what it
    /// stands for.
    pub(crate) fn spelt_out(&self, from: usize, path: &[String]) -> Segments {
        match path.split_first() {
            Some((first, rest)) => match self.all[from].aliases.get(first) {
                Some(imported) => [imported, rest].concat(),
                None => path.to_vec(),
            },
            None => Vec::new(),
        }
    }
}

/// Where a module stands.
struct Place<'a> {
    file: &'a str,
    /// The folder of its children.
    children: &'a str,
    parent: Option<usize>,
    is_test: bool,
}

impl Place<'_> {
    /// The file of `mod name;`.
    fn file_of(&self, repository: &Repository, name: &str, attributes: &[Attribute]) -> String {
        for attribute in attributes {
            let stated = match &attribute.meta {
                Meta::NameValue(pair) if pair.path.is_ident("path") => Some(&pair.value),
                _ => None,
            };
            assert!(!attribute.path().is_ident("cfg_attr"), "{}: cfg_attr on a module", self.file);
            if let Some(syn::Expr::Lit(literal)) = stated
                && let Lit::Str(path) = &literal.lit
            {
                let folder = self.file.rsplit_once('/').map_or("", |(folder, _)| folder);
                return join(folder, &path.value());
            }
        }
        let file = format!("{}/{name}.rs", self.children);
        let folder = format!("{}/{name}/mod.rs", self.children);
        if repository.text(&file).is_some() { file } else { folder }
    }
}

/// A path relative to a folder, without `..`.
pub(crate) fn join(folder: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether something is there in tests only.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    let demands_test = |meta: Meta| match meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => list
            .tokens
            .into_iter()
            .any(|token| matches!(token, TokenTree::Ident(name) if name == "test")),
        Meta::List(_) | Meta::NameValue(_) => false,
    };
    let is_cfg = |attribute: &&Attribute| attribute.path().is_ident("cfg");
    attributes.iter().filter(is_cfg).any(|cfg| cfg.parse_args().is_ok_and(demands_test))
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name of a type that an item defines.
pub(crate) fn type_name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Enum(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Union(item) => item.ident.to_string(),
        _ => return None,
    })
}

/// The segments of a path; of one within the crate, for `::path` leads out of it.
pub(crate) fn segments(path: &Path) -> Segments {
    match path.leading_colon {
        Some(_) => Vec::new(),
        None => path.segments.iter().map(|segment| segment.ident.to_string()).collect(),
    }
}

/// Collects what a module names.
#[derive(Default)]
struct Reader {
    paths: Vec<Segments>,
    aliases: BTreeMap<String, Segments>,
    globs: Vec<Segments>,
}

impl Reader {
    fn import(&mut self, mut path: Segments, tree: &UseTree) {
        match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                self.import(path, &inner.tree);
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(path.clone(), tree));
            }
            UseTree::Glob(_) => {
                self.globs.push(path.clone());
                self.paths.push(path);
            }
            UseTree::Name(leaf) => self.import_as(path, leaf.ident.to_string(), None),
            UseTree::Rename(leaf) => {
                self.import_as(path, leaf.ident.to_string(), Some(leaf.rename.to_string()));
            }
        }
    }

    fn import_as(&mut self, mut path: Segments, name: String, rename: Option<String>) {
        // `{self}` stands for the path before it.
        if name != "self" || path.is_empty() {
            path.push(name);
        }
        if let Some(alias) = rename.or_else(|| path.last().cloned()) {
            self.aliases.insert(alias, path.clone());
        }
        self.paths.push(path);
    }

    /// One name may be a variable; a path of several is none.
    fn mention(&mut self, path: Segments) {
        if path.len() > 1 {
            self.paths.push(path);
        }
    }

    /// Paths within tokens that are not parsed and, of attributes, within literals.
    fn scan(&mut self, tokens: TokenStream, is_attribute: bool) {
        let (mut path, mut colons, mut is_foreign) = (Segments::new(), 0, false);
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.mention(std::mem::take(&mut path));
                    }
                    let is_root = name == "crate";
                    if !is_foreign || is_root {
                        path.push(name.to_string());
                    }
                    (colons, is_foreign) = (0, false);
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                other => {
                    self.mention(std::mem::take(&mut path));
                    // A field, a method, or a macro's variable.
                    is_foreign = matches!(&other, TokenTree::Punct(mark)
                        if mark.as_char() == '.' || mark.as_char() == '$');
                    colons = 0;
                    match other {
                        TokenTree::Group(group) => self.scan(group.stream(), is_attribute),
                        TokenTree::Literal(literal) if is_attribute => {
                            self.scan_literal(&literal.to_string());
                        }
                        TokenTree::Literal(_) | TokenTree::Ident(_) | TokenTree::Punct(_) => {}
                    }
                }
            }
        }
        self.mention(path);
    }

    /// A path in quotes, as in `#[serde(with = "…")]`.
    fn scan_literal(&mut self, literal: &str) {
        let quoted = literal.strip_prefix('"').and_then(|literal| literal.strip_suffix('"'));
        if let Some(path) = quoted.and_then(|path| syn::parse_str::<Path>(path).ok()) {
            self.mention(segments(&path));
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !matches!(item, ImplItem::Fn(function) if is_test(&function.attrs)) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        if !matches!(item, TraitItem::Fn(function) if is_test(&function.attrs)) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() {
            self.import(Segments::new(), &item.tree);
        }
    }

    /// `pub(crate)` imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}

    fn visit_path(&mut self, path: &'ast Path) {
        self.mention(segments(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        visit::visit_macro(self, invocation);
        self.scan(invocation.tokens.clone(), false);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) => self.scan(list.tokens.clone(), true),
            Meta::Path(_) | Meta::NameValue(_) => {}
        }
    }
}
