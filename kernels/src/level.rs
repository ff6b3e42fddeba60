//! The choice of instruction set, made once and carried as a value.
//!
//! Each room adds the methods of its operation to [`Kernels`], in its `dispatch.rs`. Every level
//! may run a definition: where a level has no kernel of its own, a `_` arm leads to `scalar.rs`.

/// An instruction set that this machine has. Can only be made by asking the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels(pub(crate) Level);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernels {
    /// The plain definition, which every machine has.
    pub const SCALAR: Kernels = Kernels(Level::Scalar);

    /// All that this machine has, the slowest first.
    pub fn available() -> Vec<Kernels> {
        let mut levels = vec![Kernels(Level::Scalar)];
        #[cfg(target_arch = "x86_64")]
        {
            if has_avx2() {
                levels.push(Kernels(Level::Avx2));
            }
            if has_avx512() {
                levels.push(Kernels(Level::Avx512));
            }
        }
        levels
    }

    /// The fastest that this machine has.
    pub fn detect() -> Kernels {
        Self::available().pop().unwrap_or(Self::SCALAR)
    }

    /// The instruction set's name.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }
}

/// Whether the kernels of [`Level::Avx2`] can run. Some ask for more before they are called.
#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt")
}

/// Whether the kernels of [`Level::Avx512`] can run. Some ask for more before they are called.
#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
}
