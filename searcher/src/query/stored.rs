//! Stored keys as a hit shows them: by name, by a path of names with dots, or all of them.
//!
//! Documents are read by `snapshot/commit.rs`; hits are put together by `present.rs`.

use serde_json::{Map, Value};

use crate::{
    filter::keys::{known_keys, named},
    query::response::Hit,
    snapshot::commit::Snapshot,
};

/// Stands for all keys.
const ALL: &str = "*";

/// The keys asked for, as they are named. A document without one of them has it not.
pub(crate) fn stored_keys(source: &Map<String, Value>, keys: &[String]) -> Map<String, Value> {
    let mut shown = Map::new();
    for key in keys {
        if key == ALL {
            let all = source.iter().filter(|(key, _)| *key != "_id");
            shown.extend(all.map(|(key, value)| (key.clone(), value.clone())));
        } else if let Some(value) = find(source, key) {
            shown.insert(key.clone(), value);
        }
    }
    shown
}

/// The value of a key, or of a path into objects. Of a list of objects it is the list of their values.
fn find(source: &Map<String, Value>, path: &str) -> Option<Value> {
    if let Some(value) = source.get(path) {
        return Some(value.clone());
    }
    let dots = path.match_indices('.').map(|(at, _)| at);
    dots.into_iter().find_map(|dot| below(source.get(&path[..dot])?, &path[dot + 1..]))
}

fn below(value: &Value, path: &str) -> Option<Value> {
    match value {
        Value::Object(object) => find(object, path),
        Value::Array(values) => {
            let found: Vec<Value> = values.iter().filter_map(|value| below(value, path)).collect();
            (!found.is_empty()).then_some(Value::Array(found))
        }
        _ => None,
    }
}

/// Says which of the keys asked for no document has.
pub(crate) fn unknown_keys_note(
    snapshot: &Snapshot,
    keys: &[String],
    hits: &[Hit],
) -> Option<String> {
    let is_shown = |key: &String| {
        let mut fields = hits.iter().filter_map(|hit| hit.fields.as_ref());
        fields.any(|fields| fields.contains_key(key))
    };
    let asked = keys.iter().filter(|key| !["*", "_id", "title", "text"].contains(&key.as_str()));
    let missing: Vec<&String> = asked.filter(|key| !is_shown(key)).collect();
    if missing.is_empty() || hits.is_empty() {
        return None;
    }
    let known = known_keys(snapshot);
    let is_known = |key: &str| {
        let below = format!("{key}.");
        known.contains(key)
            || known.range(below.clone()..).next().is_some_and(|it| it.starts_with(&below))
    };
    let unknown: Vec<&String> = missing.into_iter().filter(|key| !is_known(key)).collect();
    (!unknown.is_empty()).then(|| {
        let known = if known.is_empty() { "none".to_owned() } else { named(known.iter()) };
        let unknown = named(unknown.into_iter());
        format!("no document has what `fields` asks for: {unknown}; known besides title and text: {known}")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(keys: &[&str]) -> Value {
        let source = json!({
            "_id": "1", "title": "T", "a": {"b": {"c": 1}, "d": null}, "a.b": 2, "tags": [{"name": "x"}, {"name": "y"}, 3],
        });
        let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
        Value::Object(stored_keys(source.as_object().unwrap(), &keys))
    }

    #[test]
    fn keys_are_found_by_name_by_path_and_all() {
        assert_eq!(shown(&["title", "none"]), json!({"title": "T"}));
        // A key that is written with its dot comes first.
        assert_eq!(shown(&["a.b", "a.b.c"]), json!({"a.b": 2, "a.b.c": 1}));
        assert_eq!(shown(&["a.d", "a.e", "title.x"]), json!({"a.d": null}));
        assert_eq!(shown(&["tags.name"]), json!({"tags.name": ["x", "y"]}));
        let all = shown(&["*"]);
        assert_eq!(
            all.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["a", "a.b", "tags", "title"]
        );
    }
}
