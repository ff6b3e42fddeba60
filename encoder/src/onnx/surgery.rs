//! Cutting a graph at its output layer: finding the projection onto the vocabulary, and writing the
//! graph that ends before it.
//!
//! Finding walks from the output towards the input, through what comes after a projection (bias,
//! activation, pooling, masks, casts). It stops at the product with a `[V, H]` or `[H, V]` matrix.
//! It may mistake one graph for another, so whoever uses the result compares it with the original.
//! Works on bytes; files and comparison are `optimize.rs`.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use crate::family::choices::Activation;
use crate::onnx::graph::{
    Graph, INITIALIZER, INPUT, NODE, NODE_INPUT, NODE_OUTPUT, Node, OUTPUT, VALUE_INFO,
    name_of_value,
};
use crate::onnx::protobuf::{OnnxError, fields, put_bytes, put_number};
use crate::onnx::tensor::{FLOAT, HALF, Tensor, to_half};

/// The new graph's output.
pub(crate) const HIDDEN: &str = "hidden";
/// Tensors with fewer values than this stay float32: they weigh nothing.
const SMALL: usize = 4096;
/// Nodes between projection and output, at most.
const MAX_STEPS: usize = 64;
/// Nodes looked at on all ways there: a strange graph may have more ways than can be walked.
const MAX_LOOKS: usize = 4096;
/// Bytes of a file that protobuf can hold, with room to spare.
const MAX_BYTES: usize = (1 << 31) - (1 << 20);

/// What is to be written.
#[derive(Debug)]
pub(crate) struct Cut {
    /// The value that becomes the output.
    pub(crate) hidden: String,
    /// The projection's matrix, `[V, H]` or `[H, V]`.
    pub(crate) matrix: String,
    /// What is added to the logits, `[V]`.
    pub(crate) bias: Option<String>,
    /// Length of a hidden state.
    pub(crate) dims: usize,
    /// What the graph did to its logits; nothing when it returned them.
    pub(crate) activation: Option<Activation>,
}

/// What has been passed on the way from the output.
#[derive(Debug, Clone, Default)]
struct Passed<'a> {
    bias: Option<&'a str>,
    logs: usize,
    relus: usize,
    pools: usize,
    steps: usize,
    /// Of all ways together.
    looks: Rc<Cell<usize>>,
}

/// Finds the projection that makes `output`, a row of `columns` values.
pub(crate) fn find(graph: &Graph<'_>, output: &str, columns: usize) -> Result<Cut, String> {
    walk(graph, output, columns, Passed::default()).ok_or_else(|| {
        format!("nothing known leads from output `{output}` to a product with a matrix of {columns} rows")
    })
}

fn walk<'a>(graph: &Graph<'a>, value: &str, columns: usize, mut passed: Passed<'a>) -> Option<Cut> {
    let node = graph.producer(value)?;
    passed.steps += 1;
    passed.looks.update(|looks| looks + 1);
    if passed.steps > MAX_STEPS || passed.looks.get() > MAX_LOOKS {
        return None;
    }
    let through: &[usize] = match node.kind {
        "MatMul" | "Gemm" => return projection(graph, node, columns, passed),
        "Identity" | "Cast" | "Reshape" | "Squeeze" | "Unsqueeze" => &[0],
        "Where" => &[1, 2],
        "Mul" => &[0, 1],
        "Relu" => {
            passed.relus += 1;
            &[0]
        }
        "Log" => {
            passed.logs += 1;
            &[0]
        }
        "ReduceMax" => {
            passed.pools += 1;
            &[0]
        }
        "Add" => {
            let is_bias =
                |name: &&&str| graph.tensors.get(**name).is_some_and(|t| is_row(t, columns));
            if let Some(bias) = node.inputs.iter().find(is_bias)
                && passed.bias.replace(bias).is_some()
            {
                return None;
            }
            &[0, 1]
        }
        _ => return None,
    };
    let inputs = through.iter().filter_map(|&input| node.inputs.get(input));
    inputs.into_iter().find_map(|input| walk(graph, input, columns, passed.clone()))
}

/// Whether a tensor is one value per column.
fn is_row(tensor: &Tensor<'_>, columns: usize) -> bool {
    tensor.len().is_ok_and(|len| len == columns) && tensor.dims.last() == Some(&columns)
}

fn projection<'a>(
    graph: &Graph<'a>,
    node: &Node<'a>,
    columns: usize,
    mut passed: Passed<'a>,
) -> Option<Cut> {
    if node.kind == "Gemm" {
        let is_plain = |name| node.attribute(name).is_none_or(|value| value == 1.0);
        let is_turned = node.attribute("transA").is_some_and(|value| value != 0.0);
        if !is_plain("alpha") || !is_plain("beta") || is_turned {
            return None;
        }
        if let Some(bias) = node.inputs.get(2).filter(|name| !name.is_empty())
            && passed.bias.replace(bias).is_some()
        {
            return None;
        }
    }
    let matrix = matrix_of(graph, node.inputs.get(1)?)?;
    let dims = match graph.tensors.get(matrix)?.dims[..] {
        [rows, dims] if rows == columns => dims,
        [dims, rows] if rows == columns => dims,
        _ => return None,
    };
    let bias = passed.bias.map(str::to_owned);
    if bias.as_ref().is_some_and(|bias| !graph.tensors.contains_key(bias.as_str())) {
        return None;
    }
    let activation = activation_of(&passed)?;
    let hidden = hidden_of(graph, node.inputs.first()?).to_owned();
    Some(Cut { hidden, matrix: matrix.to_owned(), bias, dims, activation })
}

/// What pooling and activation a graph has inside; only the usual ones are known.
fn activation_of(passed: &Passed<'_>) -> Option<Option<Activation>> {
    match (passed.pools, passed.relus, passed.logs) {
        (0, 0, 0) => Some(None),
        (1, 1, 0) => Some(Some(Activation::Relu)),
        (1, 1, 1) => Some(Some(Activation::Log1pRelu)),
        (1, 1, 2) => Some(Some(Activation::Log1pLog1pRelu)),
        _ => None,
    }
}

/// The tensor behind a value that is one, perhaps turned, cast or renamed.
fn matrix_of<'a>(graph: &Graph<'a>, value: &'a str) -> Option<&'a str> {
    let mut value = value;
    for _ in 0..MAX_STEPS {
        if graph.tensors.contains_key(value) {
            return Some(value);
        }
        let node = graph.producer(value)?;
        match node.kind {
            "Transpose" | "Identity" | "Cast" => value = node.inputs.first()?,
            _ => return None,
        }
    }
    None
}

/// The hidden states as they are per text, before they are laid out for the product and before
/// padding is replaced by another position.
fn hidden_of<'a>(graph: &Graph<'a>, value: &'a str) -> &'a str {
    let mut value = value;
    for _ in 0..MAX_STEPS {
        let Some(node) = graph.producer(value) else { return value };
        let is_first_of = |slice: &str, of: &str| {
            graph
                .producer(slice)
                .is_some_and(|n| n.kind == "Slice" && n.inputs.first() == Some(&of))
        };
        value = match (node.kind, &node.inputs[..]) {
            ("Reshape" | "Identity", [input, ..]) => input,
            ("Where", [_, states, other]) if is_first_of(other, states) => states,
            _ => return value,
        };
    }
    value
}

/// The model file whose graph ends at the cut; with `is_half`, large tensors are float16.
///
/// The head's tensors become outputs too, so that the runtime finds them in use; nobody asks for
/// their values. Tensors in files of `folder` are taken in.
pub(crate) fn write(
    graph: &Graph<'_>,
    cut: &Cut,
    is_half: bool,
    folder: &Path,
) -> Result<Vec<u8>, OnnxError> {
    let kept = Kept::of(graph, cut);
    let halves: HashSet<&str> = match is_half {
        true => kept.tensors.iter().copied().filter(|name| can_be_half(graph, name)).collect(),
        false => HashSet::new(),
    };
    let halves = Halves::of(graph, &kept, halves, folder)?;
    let mut bytes = Vec::new();
    halves.put_casts(&kept, graph, &mut bytes);
    let mut position = 0;
    for field in &graph.fields {
        match field.tag {
            NODE => {
                if kept.nodes[position] {
                    halves.put_node(&graph.nodes[position], &mut bytes)?;
                }
                position += 1;
            }
            INITIALIZER => {
                put_tensor(&Tensor::read(field.bytes)?, &kept, &halves, folder, &mut bytes)?
            }
            VALUE_INFO if !kept.values.contains(name_of_value(field.bytes)?) => {}
            OUTPUT => {}
            _ => bytes.extend_from_slice(field.raw),
        }
    }
    if cut.hidden != HIDDEN {
        put_bytes(&mut bytes, NODE, &node("Identity", &cut.hidden, HIDDEN, None));
    }
    put_bytes(&mut bytes, OUTPUT, &hidden_output(graph, cut.dims)?);
    for name in [Some(&cut.matrix), cut.bias.as_ref()].into_iter().flatten() {
        let tensor = graph.tensor(name)?;
        let element =
            if halves.tensors.contains_key(name.as_str()) { HALF } else { tensor.element };
        put_bytes(&mut bytes, OUTPUT, &tensor_output(name, element, &tensor.dims));
    }
    let model = graph.model_with(&bytes)?;
    match model.len() <= MAX_BYTES {
        true => Ok(model),
        false => {
            let reason = "the file would be beyond 2 GiB".to_owned();
            Err(OnnxError::Tensor { name: cut.matrix.clone(), reason })
        }
    }
}

/// What a value, a node or a tensor is still needed for.
struct Kept<'a> {
    /// For every node.
    nodes: Vec<bool>,
    values: HashSet<&'a str>,
    tensors: HashSet<&'a str>,
    /// Names used inside nodes, which must not change.
    captured: HashSet<&'a str>,
}

impl<'a> Kept<'a> {
    fn of(graph: &'a Graph<'_>, cut: &'a Cut) -> Self {
        let mut kept = Self {
            nodes: vec![false; graph.nodes.len()],
            values: HashSet::new(),
            tensors: HashSet::new(),
            captured: HashSet::new(),
        };
        let mut open: Vec<&str> = vec![&cut.hidden, &cut.matrix];
        open.extend(cut.bias.as_deref());
        while let Some(value) = open.pop() {
            if !kept.values.insert(value) {
                continue;
            }
            if let Some((name, _)) = graph.tensors.get_key_value(value) {
                kept.tensors.insert(name);
            }
            let Some(&position) = graph.producers.get(value) else { continue };
            kept.nodes[position] = true;
            let node = &graph.nodes[position];
            kept.captured.extend(node.captured.iter().copied());
            open.extend(node.inputs.iter().chain(&node.captured).copied());
        }
        kept
    }
}

fn can_be_half(graph: &Graph<'_>, name: &str) -> bool {
    graph.tensors.get(name).is_some_and(|tensor| {
        tensor.element == FLOAT
            && tensor.dims.len() > 1
            && tensor.len().is_ok_and(|len| len >= SMALL)
    })
}

/// Tensors that are stored as float16 and cast where they are used.
struct Halves<'a> {
    /// Their numbers.
    tensors: HashMap<&'a str, Vec<u8>>,
}

impl<'a> Halves<'a> {
    /// Converts what can be: a value beyond float16, or a name used inside a node, cannot.
    fn of(
        graph: &Graph<'_>,
        kept: &Kept<'_>,
        names: HashSet<&'a str>,
        folder: &Path,
    ) -> Result<Self, OnnxError> {
        let mut tensors = HashMap::new();
        for name in names {
            if kept.captured.contains(name) {
                continue;
            }
            let halves = graph.tensor(name)?.floats(folder)?.into_iter().map(to_half);
            if let Some(halves) = halves.collect::<Option<Vec<u16>>>() {
                tensors.insert(name, halves.iter().flat_map(|half| half.to_le_bytes()).collect());
            }
        }
        Ok(Self { tensors })
    }

    /// Rows that are looked up are cast after the look-up, so that the table stays small.
    fn is_looked_up(&self, node: &Node<'_>) -> bool {
        node.kind == "Gather" && node.inputs.first().is_some_and(|n| self.tensors.contains_key(n))
    }

    /// Writes a cast for every half tensor that a kept node uses otherwise.
    fn put_casts(&self, kept: &Kept<'_>, graph: &Graph<'_>, bytes: &mut Vec<u8>) {
        let mut done = HashSet::new();
        for (node_of, _) in graph.nodes.iter().zip(&kept.nodes).filter(|(_, is_kept)| **is_kept) {
            let skipped = usize::from(self.is_looked_up(node_of));
            for input in node_of.inputs.iter().skip(skipped) {
                if self.tensors.contains_key(input) && done.insert(*input) {
                    put_bytes(bytes, NODE, &node("Cast", input, &cast_name(input), Some(FLOAT)));
                }
            }
        }
    }

    fn put_node(&self, of: &Node<'_>, bytes: &mut Vec<u8>) -> Result<(), OnnxError> {
        if self.is_looked_up(of) {
            let output = of.outputs.first().copied().unwrap_or_default();
            let looked_up = of.renamed(|tag, _| (tag == NODE_OUTPUT).then(|| cast_name(output)))?;
            put_bytes(bytes, NODE, &looked_up);
            put_bytes(bytes, NODE, &node("Cast", &cast_name(output), output, Some(FLOAT)));
            return Ok(());
        }
        let renamed = of.renamed(|tag, name| {
            (tag == NODE_INPUT && self.tensors.contains_key(name)).then(|| cast_name(name))
        })?;
        put_bytes(bytes, NODE, &renamed);
        Ok(())
    }
}

/// The value beside `name` that has the other element type.
fn cast_name(name: &str) -> String {
    format!("{name}/gleaner_cast")
}

fn put_tensor(
    tensor: &Tensor<'_>,
    kept: &Kept<'_>,
    halves: &Halves<'_>,
    folder: &Path,
    bytes: &mut Vec<u8>,
) -> Result<(), OnnxError> {
    if !kept.tensors.contains(tensor.name) {
        return Ok(());
    }
    let message = match (halves.tensors.get(tensor.name), tensor.is_external()) {
        (Some(halves), _) => tensor.with_raw(HALF, halves)?,
        (None, true) => {
            let raw = tensor.bytes(folder)?.unwrap_or_default();
            tensor.with_raw(tensor.element, &raw)?
        }
        (None, false) => tensor.message().to_vec(),
    };
    put_bytes(bytes, INITIALIZER, &message);
    Ok(())
}

/// A node with one input and one output; `to` is a cast's type.
fn node(kind: &str, input: &str, output: &str, to: Option<u64>) -> Vec<u8> {
    let mut message = Vec::new();
    put_bytes(&mut message, NODE_INPUT, input.as_bytes());
    put_bytes(&mut message, NODE_OUTPUT, output.as_bytes());
    put_bytes(&mut message, 4, kind.as_bytes());
    if let Some(to) = to {
        let mut attribute = Vec::new();
        put_bytes(&mut attribute, 1, b"to");
        put_number(&mut attribute, 3, to);
        // An integer.
        put_number(&mut attribute, 20, 2);
        put_bytes(&mut message, 5, &attribute);
    }
    message
}

/// The description of `hidden`: float32, the first two dimensions of the input, `dims`.
fn hidden_output(graph: &Graph<'_>, dims: usize) -> Result<Vec<u8>, OnnxError> {
    let input = graph.fields.iter().find(|field| field.tag == INPUT);
    let mut shape = match input {
        Some(input) => shape_of(input.bytes)?,
        None => Vec::new(),
    };
    put_bytes(&mut shape, 1, &dimension(dims));
    Ok(value(HIDDEN, FLOAT, &shape))
}

fn tensor_output(name: &str, element: u64, dims: &[usize]) -> Vec<u8> {
    let mut shape = Vec::new();
    dims.iter().for_each(|&dim| put_bytes(&mut shape, 1, &dimension(dim)));
    value(name, element, &shape)
}

fn dimension(size: usize) -> Vec<u8> {
    let mut dimension = Vec::new();
    put_number(&mut dimension, 1, size as u64);
    dimension
}

fn value(name: &str, element: u64, shape: &[u8]) -> Vec<u8> {
    let (mut tensor, mut kind, mut message) = (Vec::new(), Vec::new(), Vec::new());
    put_number(&mut tensor, 1, element);
    put_bytes(&mut tensor, 2, shape);
    put_bytes(&mut kind, 1, &tensor);
    put_bytes(&mut message, 1, name.as_bytes());
    put_bytes(&mut message, 2, &kind);
    message
}

/// The shape message of a value's description: value → type → tensor → shape.
fn shape_of(value: &[u8]) -> Result<Vec<u8>, OnnxError> {
    let mut message = value;
    for tag in [2, 1, 2] {
        let mut inner = &[][..];
        for field in fields(message) {
            let field = field?;
            if field.tag == tag {
                inner = field.bytes;
            }
        }
        message = inner;
    }
    Ok(message.to_vec())
}
