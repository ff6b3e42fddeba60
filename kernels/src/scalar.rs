//! The kernels' definition, in plain Rust that the compiler vectorises for any target.

/// Accumulators of one window. A power of two, so that masking a 16-bit row number keeps any
/// input in bounds without a branch.
pub const ACCUMULATORS: usize = 32_768;

/// Adds `multiplier × code` at each local row of a sparse list.
///
/// Shapes: `locals` little-endian `u16`, two bytes per code. Row numbers beyond the window wrap
/// into it (they cannot occur in a file that passed its audit). The caller chooses multipliers
/// that keep every sum below 2^32.
pub fn scatter_add(sums: &mut [u32; ACCUMULATORS], locals: &[u8], codes: &[u8], multiplier: u32) {
    for (local, &code) in locals.chunks_exact(2).zip(codes) {
        let local = usize::from(u16::from_le_bytes([local[0], local[1]]));
        sums[local & (ACCUMULATORS - 1)] += multiplier * u32::from(code);
    }
}

/// Adds `multiplier × code` row by row.
///
/// Shapes: as many sums as codes; the shorter of the two decides. Sums as in [`scatter_add`].
pub fn add_codes(sums: &mut [u32], codes: &[u8], multiplier: u32) {
    for (sum, &code) in sums.iter_mut().zip(codes) {
        *sum += multiplier * u32::from(code);
    }
}

/// The largest sum, 0 for none.
pub fn max(sums: &[u32]) -> u32 {
    sums.iter().copied().fold(0, u32::max)
}

/// `Σ f64(table[term]) · f64(code)` over a row, in ascending term id.
///
/// Shapes: `terms` and `codes` little-endian `u16`, in parallel; `table` holds the query weight
/// of every term id, 0 for terms not in the query; ids beyond it count as 0. Terms outside the
/// query add an exact zero, so the sum has the bits of the sum over common terms alone.
pub fn dot_u16(table: &[f32], terms: &[u8], codes: &[u8]) -> f64 {
    let pairs = terms.chunks_exact(2).zip(codes.chunks_exact(2));
    pairs.fold(0.0, |sum, (term, code)| {
        let term = usize::from(u16::from_le_bytes([term[0], term[1]]));
        let code = u16::from_le_bytes([code[0], code[1]]);
        sum + f64::from(table.get(term).copied().unwrap_or(0.0)) * f64::from(code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scattered_and_dense_additions_agree() {
        let mut scattered = Box::new([0u32; ACCUMULATORS]);
        let mut dense = vec![0u32; ACCUMULATORS];
        let rows = [0u16, 5, 64, 32_767];
        let mut codes = vec![0u8; ACCUMULATORS];
        for (position, &row) in rows.iter().enumerate() {
            codes[usize::from(row)] = position as u8 + 1;
        }
        let locals: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
        scatter_add(&mut scattered, &locals, &[1, 2, 3, 4], 1_000_000);
        add_codes(&mut dense, &codes, 1_000_000);
        assert_eq!(scattered[..], dense[..]);
        assert_eq!(max(&dense), 4_000_000);
        assert_eq!(max(&[]), 0);
    }

    #[test]
    fn dot_ignores_terms_outside_the_table() {
        let terms: Vec<u8> = [1u16, 3, 9].iter().flat_map(|term| term.to_le_bytes()).collect();
        let codes: Vec<u8> = [10u16, 20, 30].iter().flat_map(|code| code.to_le_bytes()).collect();
        assert_eq!(dot_u16(&[0.0, 0.5, 9.0, 2.0], &terms, &codes), 45.0);
    }
}
