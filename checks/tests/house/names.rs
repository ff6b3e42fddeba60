//! One name, one type: no two types of a crate are called the same.
//!
//! Structs, enums, traits, unions and aliases count, those of all programs of a crate together;
//! what is there in tests only does not. Variants for other targets in one module count once.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    modules::{Modules, type_name},
    sources::Repository,
};

/// Names that several types of a crate have.
fn doubles(repository: &Repository) -> Vec<String> {
    let mut doubles = Vec::new();
    for folder in repository.crates() {
        let modules = Modules::read(repository, &folder);
        let mut places: BTreeMap<String, BTreeSet<(usize, &str)>> = BTreeMap::new();
        for (number, module) in modules.all.iter().enumerate().filter(|(_, m)| !m.is_test) {
            for name in module.items.iter().filter_map(type_name) {
                places.entry(name).or_default().insert((number, &module.file));
            }
        }
        for (name, places) in places.into_iter().filter(|(_, places)| places.len() > 1) {
            let files: Vec<&str> = places.into_iter().map(|(_, file)| file).collect();
            doubles.push(format!("{folder}: {name} in {}", files.join(", ")));
        }
    }
    doubles
}

#[test]
fn no_two_types_have_one_name() {
    let doubles = doubles(&Repository::read());
    assert!(doubles.is_empty(), "{}", doubles.join("\n"));
}

#[test]
fn two_types_of_one_name_are_found() {
    let of = |b: &str| {
        let files = [("a/Cargo.toml", ""), ("a/src/lib.rs", "mod b; struct Plan;")];
        doubles(&Repository::of(&[&files[..], &[("a/src/b.rs", b)]].concat()))
    };
    assert_eq!(of("enum Plan {}"), ["a: Plan in a/src/lib.rs, a/src/b.rs"]);
    assert_eq!(of("type Plan = u8;"), ["a: Plan in a/src/lib.rs, a/src/b.rs"]);
    assert_eq!(of("mod c { trait Plan {} }"), ["a: Plan in a/src/lib.rs, a/src/b.rs"]);
    assert_eq!(of("use crate::Plan; fn f() -> Plan { Plan }"), Vec::<String>::new());
    assert_eq!(of("#[cfg(test)] mod tests { struct Plan; }"), Vec::<String>::new());
    assert_eq!(of("#[cfg(test)] struct Plan;"), Vec::<String>::new());
}
