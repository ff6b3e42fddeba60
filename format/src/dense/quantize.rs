//! A vector's 8-bit codes: their scale, and bounds on what they are long and on what they leave
//! out.
//!
//! All are functions of one vector alone, so that the audit can derive them again.

/// Largest code of a vector.
pub(crate) const CODE_MAX: u8 = 127;

/// The least f32 of which 127 reach every value; 0 for a vector of zeros.
pub(crate) fn scale_of(vector: &[f32]) -> f32 {
    let max = vector.iter().fold(0f32, |max, value| max.max(value.abs()));
    rounded_up(f64::from(max) / f64::from(CODE_MAX))
}

/// The multiple of `scale` nearest to a value, −127 to 127.
pub(crate) fn code_of(value: f32, scale: f32) -> i8 {
    if scale == 0.0 {
        return 0;
    }
    // No value is beyond 127 scales: the conversion saturates at no lower number.
    (f64::from(value) / f64::from(scale)).round() as i8
}

/// The length of the vector of scale × code, rounded up.
pub(crate) fn norm_of(codes: &[i8], scale: f32) -> f32 {
    let squares = codes.iter().map(|&code| i32::from(code) * i32::from(code)).sum::<i32>();
    // Root and product round once each, by less than 2^-52 of the result in all.
    rounded_up(f64::from(squares).sqrt() * f64::from(scale) * (1.0 + f64::exp2(-50.0)))
}

/// The length of the vector of value − scale × code, rounded up.
pub(crate) fn error_of(vector: &[f32], codes: &[i8], scale: f32) -> f32 {
    let error = |(&value, &code): (&f32, &i8)| {
        let error = f64::from(value) - f64::from(scale) * f64::from(code);
        error * error
    };
    let squares = vector.iter().zip(codes).map(error).sum::<f64>();
    // The product is exact; a difference rounds by 2^-53 of itself, its square once more, and each of
    // at most 2^14 additions by as much of the sum: less than 2^-38 in all, the root included.
    rounded_up(squares.sqrt() * (1.0 + f64::exp2(-36.0)))
}

/// The least f32 that is not less.
fn rounded_up(value: f64) -> f32 {
    let rounded = value as f32;
    if f64::from(rounded) < value { rounded.next_up() } else { rounded }
}
