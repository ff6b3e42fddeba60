//! The graph of an ONNX file as views into its bytes: nodes, values, tensors by name.

use std::collections::{HashMap, HashSet};

use crate::onnx::protobuf::{Field, OnnxError, fields, put_bytes};
use crate::onnx::tensor::Tensor;

/// Field of a model that holds its graph.
const MODEL_GRAPH: u64 = 7;
/// Fields of a graph.
pub(crate) const NODE: u64 = 1;
pub(crate) const INITIALIZER: u64 = 5;
pub(crate) const INPUT: u64 = 11;
pub(crate) const OUTPUT: u64 = 12;
pub(crate) const VALUE_INFO: u64 = 13;
/// Fields of a node.
pub(crate) const NODE_INPUT: u64 = 1;
pub(crate) const NODE_OUTPUT: u64 = 2;
const NODE_KIND: u64 = 4;
const NODE_ATTRIBUTE: u64 = 5;
/// Fields of an attribute.
const ATTRIBUTE_NAME: u64 = 1;
const ATTRIBUTE_FLOAT: u64 = 2;
const ATTRIBUTE_INTEGER: u64 = 3;
const ATTRIBUTE_GRAPH: u64 = 6;
const ATTRIBUTE_GRAPHS: u64 = 11;
/// Graphs within graphs that are followed.
const MAX_DEPTH: usize = 16;

/// A node, as far as it is read.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    pub(crate) kind: &'a str,
    pub(crate) inputs: Vec<&'a str>,
    pub(crate) outputs: Vec<&'a str>,
    /// Numbers among its attributes, by name.
    attributes: Vec<(&'a str, f64)>,
    /// Names that graphs within it may take from outside.
    pub(crate) captured: HashSet<&'a str>,
    /// The message as it stands in the file.
    pub(crate) message: &'a [u8],
}

/// A model file with its graph taken apart.
pub(crate) struct Graph<'a> {
    model: &'a [u8],
    /// Every field of the graph, in order.
    pub(crate) fields: Vec<Field<'a>>,
    /// Nodes in order.
    pub(crate) nodes: Vec<Node<'a>>,
    pub(crate) tensors: HashMap<&'a str, Tensor<'a>>,
    /// The position in `nodes` of the node that makes a value.
    pub(crate) producers: HashMap<&'a str, usize>,
    /// Names of inputs and outputs, in order.
    pub(crate) inputs: Vec<&'a str>,
    pub(crate) outputs: Vec<&'a str>,
}

impl<'a> Graph<'a> {
    /// Takes a model file apart.
    ///
    /// Errors: whatever is broken in a part that is read.
    pub(crate) fn read(model: &'a [u8]) -> Result<Self, OnnxError> {
        let mut graph = Self {
            model,
            fields: Vec::new(),
            nodes: Vec::new(),
            tensors: HashMap::new(),
            producers: HashMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        for field in fields(graph_of(model)?) {
            let field = field?;
            graph.fields.push(field);
            match field.tag {
                NODE => graph.add_node(Node::read(field.bytes)?),
                INITIALIZER => {
                    let tensor = Tensor::read(field.bytes)?;
                    graph.tensors.insert(tensor.name, tensor);
                }
                INPUT => graph.inputs.push(name_of_value(field.bytes)?),
                OUTPUT => graph.outputs.push(name_of_value(field.bytes)?),
                _ => {}
            }
        }
        Ok(graph)
    }

    fn add_node(&mut self, node: Node<'a>) {
        let position = self.nodes.len();
        self.producers.extend(node.outputs.iter().map(|&output| (output, position)));
        self.nodes.push(node);
    }

    /// The node that makes a value; nothing for inputs and tensors.
    pub(crate) fn producer(&self, value: &str) -> Option<&Node<'a>> {
        self.nodes.get(*self.producers.get(value)?)
    }

    /// A tensor by name.
    pub(crate) fn tensor(&self, name: &str) -> Result<&Tensor<'a>, OnnxError> {
        self.tensors.get(name).ok_or_else(|| OnnxError::NoTensor { name: name.to_owned() })
    }

    /// The model file with another graph and everything else as it was.
    pub(crate) fn model_with(&self, graph: &[u8]) -> Result<Vec<u8>, OnnxError> {
        let mut model = Vec::with_capacity(graph.len() + 1024);
        for field in fields(self.model) {
            let field = field?;
            match field.tag {
                MODEL_GRAPH => put_bytes(&mut model, MODEL_GRAPH, graph),
                _ => model.extend_from_slice(field.raw),
            }
        }
        Ok(model)
    }
}

fn graph_of(model: &[u8]) -> Result<&[u8], OnnxError> {
    let mut graph = None;
    for field in fields(model) {
        let field = field?;
        if field.tag == MODEL_GRAPH {
            graph = Some(field.bytes);
        }
    }
    graph.ok_or(OnnxError::NoGraph)
}

/// The name of an input, an output or a value's description: its first field.
pub(crate) fn name_of_value(message: &[u8]) -> Result<&str, OnnxError> {
    for field in fields(message) {
        let field = field?;
        if field.tag == 1 {
            return field.text();
        }
    }
    Ok("")
}

impl<'a> Node<'a> {
    fn read(message: &'a [u8]) -> Result<Self, OnnxError> {
        let mut node = Self {
            kind: "",
            inputs: Vec::new(),
            outputs: Vec::new(),
            attributes: Vec::new(),
            captured: HashSet::new(),
            message,
        };
        for field in fields(message) {
            let field = field?;
            match field.tag {
                NODE_INPUT => node.inputs.push(field.text()?),
                NODE_OUTPUT => node.outputs.push(field.text()?),
                NODE_KIND => node.kind = field.text()?,
                NODE_ATTRIBUTE => {
                    node.attributes.extend(number_of(field.bytes)?);
                    capture_attribute(field.bytes, &mut node.captured, MAX_DEPTH)?;
                }
                _ => {}
            }
        }
        Ok(node)
    }

    /// A number among the attributes.
    pub(crate) fn attribute(&self, name: &str) -> Option<f64> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// The message with the names of inputs and outputs put through `rename`.
    pub(crate) fn renamed(
        &self,
        rename: impl Fn(u64, &str) -> Option<String>,
    ) -> Result<Vec<u8>, OnnxError> {
        let mut message = Vec::with_capacity(self.message.len() + 32);
        for field in fields(self.message) {
            let field = field?;
            let name = match field.tag {
                NODE_INPUT | NODE_OUTPUT => rename(field.tag, field.text()?),
                _ => None,
            };
            match name {
                Some(name) => put_bytes(&mut message, field.tag, name.as_bytes()),
                None => message.extend_from_slice(field.raw),
            }
        }
        Ok(message)
    }
}

/// The name and value of an attribute that is one number.
fn number_of(message: &[u8]) -> Result<Option<(&str, f64)>, OnnxError> {
    let (mut name, mut value) = ("", None);
    for field in fields(message) {
        let field = field?;
        match (field.tag, field.bytes.first_chunk()) {
            (ATTRIBUTE_NAME, _) => name = field.text()?,
            (ATTRIBUTE_FLOAT, Some(bytes)) => value = Some(f64::from(f32::from_le_bytes(*bytes))),
            (ATTRIBUTE_INTEGER, _) => value = Some(field.number.cast_signed() as f64),
            _ => {}
        }
    }
    Ok(value.map(|value| (name, value)))
}

/// Collects every name that nodes of graphs within an attribute take as input.
fn capture_attribute<'a>(
    message: &'a [u8],
    captured: &mut HashSet<&'a str>,
    depth: usize,
) -> Result<(), OnnxError> {
    for field in fields(message) {
        let field = field?;
        if !matches!(field.tag, ATTRIBUTE_GRAPH | ATTRIBUTE_GRAPHS) {
            continue;
        }
        let Some(depth) = depth.checked_sub(1) else { return Err(OnnxError::Truncated) };
        for part in fields(field.bytes) {
            let part = part?;
            match part.tag {
                NODE => capture_node(part.bytes, captured, depth)?,
                OUTPUT => _ = captured.insert(name_of_value(part.bytes)?),
                _ => {}
            }
        }
    }
    Ok(())
}

fn capture_node<'a>(
    message: &'a [u8],
    captured: &mut HashSet<&'a str>,
    depth: usize,
) -> Result<(), OnnxError> {
    for field in fields(message) {
        let field = field?;
        match field.tag {
            NODE_INPUT => _ = captured.insert(field.text()?),
            NODE_ATTRIBUTE => capture_attribute(field.bytes, captured, depth)?,
            _ => {}
        }
    }
    Ok(())
}
