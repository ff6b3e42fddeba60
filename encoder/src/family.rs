//! What a model folder is and how it is to be used: its settings, its graph's layout, its sides.
//!
//! `settings` reads what the folder states (`choices` has the names that it may choose from), `kind`
//! tells sparse folders from dense ones, and `folder` finds files that nothing names. `layout`
//! lists what a graph may return; `detect` recognises it by the graph's `tensors`. `graph` and
//! `side` put both together when a model is opened, and `fingerprint` names the result. Running is
//! `session`.

pub(crate) mod choices;
pub(crate) mod detect;
pub(crate) mod fingerprint;
pub(crate) mod folder;
pub(crate) mod graph;
pub(crate) mod kind;
pub(crate) mod layout;
pub(crate) mod lengths;
pub(crate) mod settings;
pub(crate) mod side;
pub(crate) mod tensors;
