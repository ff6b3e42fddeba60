//! What a public item shows to those who call it: types by path, runs of bytes, closures.
//!
//! Signatures, public fields, variants, aliases and associated types are read; bodies are not.
//! Which of it is allowed is left to `door.rs`.

use std::collections::BTreeSet;

use syn::{
    Fields, FnArg, GenericArgument, GenericParam, Generics, Ident, ImplItem, Item, ItemImpl, Path,
    PathArguments, ReturnType, Signature, TraitItem, Type, TypeParamBound, Visibility,
    visit::{self, Visit},
};

use crate::modules::{Segments, segments};

/// What an item shows.
#[derive(Default)]
pub(crate) struct Shown {
    /// Paths of types and bounds.
    pub(crate) paths: Vec<Segments>,
    /// Slices and vectors of bytes.
    pub(crate) bytes: usize,
    /// Functions with a parameter that is a closure and cannot be left out.
    pub(crate) closures: Vec<String>,
}

impl Shown {
    /// What an item shows. Of implementations, what they show for a public type.
    pub(crate) fn of(item: &Item) -> Self {
        let mut shown = Self::default();
        match item {
            Item::Fn(item) if is_public(&item.vis) => shown.signature(&item.sig, None),
            Item::Struct(item) if is_public(&item.vis) => {
                shown.visit_generics(&item.generics);
                shown.fields(&item.fields, false);
            }
            Item::Enum(item) if is_public(&item.vis) => {
                shown.visit_generics(&item.generics);
                item.variants.iter().for_each(|variant| shown.fields(&variant.fields, true));
            }
            Item::Type(item) if is_public(&item.vis) => shown.visit_type(&item.ty),
            Item::Const(item) if is_public(&item.vis) => shown.visit_type(&item.ty),
            Item::Static(item) if is_public(&item.vis) => shown.visit_type(&item.ty),
            Item::Trait(item) if is_public(&item.vis) => {
                item.supertraits.iter().for_each(|bound| shown.visit_type_param_bound(bound));
                item.items.iter().for_each(|item| shown.trait_item(item));
            }
            Item::Impl(item) => shown.implementation(item),
            _ => {}
        }
        shown
    }

    fn fields(&mut self, fields: &Fields, all: bool) {
        for field in fields.iter().filter(|field| all || is_public(&field.vis)) {
            self.visit_type(&field.ty);
        }
    }

    fn trait_item(&mut self, item: &TraitItem) {
        match item {
            TraitItem::Fn(function) => self.signature(&function.sig, None),
            TraitItem::Const(constant) => self.visit_type(&constant.ty),
            TraitItem::Type(ty) => {
                ty.bounds.iter().for_each(|bound| self.visit_type_param_bound(bound));
            }
            _ => {}
        }
    }

    fn implementation(&mut self, implementation: &ItemImpl) {
        let is_of_trait = implementation.trait_.is_some();
        // `impl From<X> for Y` shows X.
        if let Some((path, _)) = &implementation.trait_ {
            self.visit_path(path);
        }
        for item in &implementation.items {
            match item {
                ImplItem::Fn(function) if !is_of_trait && is_public(&function.vis) => {
                    self.signature(&function.sig, last_name(&implementation.self_ty));
                }
                ImplItem::Const(constant) if !is_of_trait && is_public(&constant.vis) => {
                    self.visit_type(&constant.ty);
                }
                ImplItem::Type(ty) => self.visit_type(&ty.ty),
                _ => {}
            }
        }
    }

    fn signature(&mut self, signature: &Signature, of: Option<&Ident>) {
        self.visit_signature(signature);
        let generic = generic_closures(&signature.generics);
        let parameters = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(parameter) => Some(&*parameter.ty),
            FnArg::Receiver(_) => None,
        });
        let mut closures = parameters.filter(|parameter| is_closure(parameter, &generic));
        if closures.next().is_some() && !is_setter(signature, of) {
            self.closures.push(signature.ident.to_string());
        }
    }
}

impl<'ast> Visit<'ast> for Shown {
    fn visit_path(&mut self, path: &'ast Path) {
        self.paths.push(segments(path));
        if let Some(last) = path.segments.last()
            && last.ident == "Vec"
            && let PathArguments::AngleBracketed(list) = &last.arguments
        {
            let types = list.args.iter().filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            self.bytes += types.filter(|ty| is_byte(ty)).count();
        }
        visit::visit_path(self, path);
    }

    fn visit_type_slice(&mut self, slice: &'ast syn::TypeSlice) {
        self.bytes += usize::from(is_byte(&slice.elem));
        visit::visit_type_slice(self, slice);
    }

    /// `pub(in path)` shows nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}
}

/// Whether something is public beyond the crate.
pub(crate) fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_byte(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("u8"))
}

/// A builder's step: it takes the builder and returns it, so it can be left out.
fn is_setter(signature: &Signature, of: Option<&Ident>) -> bool {
    let returned = match &signature.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => match &**ty {
            Type::Reference(reference) => last_name(&reference.elem),
            ty => last_name(ty),
        },
    };
    let is_builder = |name: &Ident| name == "Self" || of == Some(name);
    signature.receiver().is_some() && returned.is_some_and(is_builder)
}

/// The name of a type, without its path.
pub(crate) fn last_name(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|last| &last.ident),
        _ => None,
    }
}

fn is_closure_bound(bound: &TypeParamBound) -> bool {
    let TypeParamBound::Trait(bound) = bound else { return false };
    let last = bound.path.segments.last();
    last.is_some_and(|last| ["Fn", "FnMut", "FnOnce"].iter().any(|name| last.ident == name))
}

/// Type parameters that stand for closures.
fn generic_closures(generics: &Generics) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for parameter in &generics.params {
        if let GenericParam::Type(parameter) = parameter
            && parameter.bounds.iter().any(is_closure_bound)
        {
            found.insert(parameter.ident.to_string());
        }
    }
    let clauses = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    for clause in clauses {
        if let syn::WherePredicate::Type(clause) = clause
            && let Type::Path(path) = &clause.bounded_ty
            && clause.bounds.iter().any(is_closure_bound)
        {
            found.extend(path.path.get_ident().map(ToString::to_string));
        }
    }
    found
}

/// Looks for a closure in a type, but not within `Option`.
struct Closures<'a> {
    generic: &'a BTreeSet<String>,
    is_found: bool,
}

fn is_closure(ty: &Type, generic: &BTreeSet<String>) -> bool {
    let mut closures = Closures { generic, is_found: false };
    closures.visit_type(ty);
    closures.is_found
}

impl<'ast> Visit<'ast> for Closures<'_> {
    fn visit_type_param_bound(&mut self, bound: &'ast TypeParamBound) {
        self.is_found |= is_closure_bound(bound);
        visit::visit_type_param_bound(self, bound);
    }

    fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {
        self.is_found = true;
    }

    fn visit_path(&mut self, path: &'ast Path) {
        self.is_found |= path.get_ident().is_some_and(|n| self.generic.contains(&n.to_string()));
        if path.segments.last().is_none_or(|last| last.ident != "Option") {
            visit::visit_path(self, path);
        }
    }
}
