//! The inputs and outputs of a graph as it declares them: name, element type, shape.

use std::fmt;

use ort::value::{Outlet, ValueType};
use serde::Serialize;

/// An input or output of a graph. Displayed as `name: element[shape]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorCard {
    /// Its name.
    pub name: String,
    /// The type of its elements: `i64`, `f32`, and so on; `other` for what is not a tensor.
    pub element: String,
    /// Its dimensions; -1 where the graph leaves one open.
    pub shape: Vec<i64>,
    /// The names of its open dimensions; empty where a dimension has none.
    pub symbols: Vec<String>,
}

impl TensorCard {
    pub(crate) fn of(outlet: &Outlet) -> Self {
        let (element, shape, symbols) = match outlet.dtype() {
            ValueType::Tensor { ty, shape, dimension_symbols } => (
                ty.to_string(),
                shape.to_vec(),
                dimension_symbols.iter().map(|symbol| symbol.to_string()).collect(),
            ),
            _ => ("other".to_owned(), Vec::new(), Vec::new()),
        };
        Self { name: outlet.name().to_owned(), element, shape, symbols }
    }

    /// The size of a dimension, nothing where it is open or not there.
    pub(crate) fn size(&self, axis: usize) -> Option<usize> {
        usize::try_from(*self.shape.get(axis)?).ok()
    }

    pub(crate) fn is_float(&self) -> bool {
        matches!(self.element.as_str(), "f32" | "f16")
    }

    pub(crate) fn is_integer(&self) -> bool {
        matches!(self.element.as_str(), "i64" | "i32")
    }

    /// Whether its integers have 32 bits rather than 64.
    pub(crate) fn is_narrow(&self) -> bool {
        self.element == "i32"
    }

    /// The size of the last dimension, nothing where it is open or there is none.
    pub(crate) fn width(&self) -> Option<usize> {
        self.size(self.shape.len().checked_sub(1)?)
    }
}

impl fmt::Display for TensorCard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}{:?}", self.name, self.element, self.shape)
    }
}
