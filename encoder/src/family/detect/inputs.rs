//! What to feed a graph: the roles of its inputs, by their usual names or by stated ones.

use crate::family::settings::names::Names;
use crate::family::tensors::TensorCard;

/// Names that exporters give, first the most usual.
const IDS: [&str; 4] = ["input_ids", "inputIds", "input.1", "ids"];
const MASK: [&str; 4] = ["attention_mask", "attentionMask", "input_mask", "mask"];
const TYPES: [&str; 4] = ["token_type_ids", "tokenTypeIds", "segment_ids", "types"];

/// What a graph input is fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Token ids.
    Ids,
    /// 1 for a token, 0 for padding.
    Mask,
    /// Segment ids.
    Types,
}

/// An input of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// 32-bit integers rather than 64-bit ones.
    pub(crate) is_narrow: bool,
}

/// Sizes that a graph does not leave open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fixed {
    pub(crate) batch: Option<usize>,
    pub(crate) length: Option<usize>,
}

/// The inputs of a graph, and the sizes they fix.
pub(super) struct KnownInputs {
    pub(super) inputs: Vec<Input>,
    pub(super) fixed: Fixed,
}

/// Says what is wrong where an input cannot be filled.
pub(super) fn roles(inputs: &[TensorCard], stated: &Names) -> Result<KnownInputs, String> {
    let named = |name: &str, stated: &Option<String>, usual: &[&str]| match stated {
        Some(stated) => stated == name,
        None => usual.contains(&name),
    };
    let (mut found, mut fixed): (Vec<Input>, Fixed) = Default::default();
    for input in inputs {
        let role = match input.name.as_str() {
            name if named(name, &stated.ids, &IDS) => Role::Ids,
            name if named(name, &stated.mask, &MASK) => Role::Mask,
            name if named(name, &stated.types, &TYPES) => Role::Types,
            other => return Err(format!("input `{other}` is not one that can be filled")),
        };
        if !input.is_integer() || input.shape.len() != 2 {
            return Err(format!("input `{}` is not i64[batch, length]", input.name));
        }
        if found.iter().any(|other| other.role == role) {
            return Err(format!("input `{}` is the second of its kind", input.name));
        }
        fixed.batch = fixed.batch.or(input.size(0));
        fixed.length = fixed.length.or(input.size(1));
        let (name, is_narrow) = (input.name.clone(), input.is_narrow());
        found.push(Input { name, role, is_narrow });
    }
    if !found.iter().any(|input| input.role == Role::Ids) {
        let name = stated.ids.as_deref().unwrap_or(IDS[0]);
        return Err(format!("it has no input `{name}`; name it as `inputs.ids` in gleaner.toml"));
    }
    if fixed.batch == Some(0) || fixed.length == Some(0) {
        return Err("an input has no room for a text".to_owned());
    }
    Ok(KnownInputs { inputs: found, fixed })
}
