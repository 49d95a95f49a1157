//! The two number types a model computes in.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};
use tract_onnx::prelude::Datum;

/// `f32` or `f64`: what feature encoding and tree evaluation need of them.
pub(in crate::model) trait Real:
    Datum
    + Copy
    + Debug
    + PartialOrd
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    const ZERO: Self;
    const ONE: Self;
    const NAN: Self;
    const INFINITY: Self;

    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// Exact for `f64`, the nearest `f32` above 2^24.
    fn from_i32(value: i32) -> Self;
    fn to_f32(self) -> f32;
    fn is_nan(self) -> bool;
    fn is_finite(self) -> bool;
    /// The greatest number below this one.
    fn next_down(self) -> Self;
    fn floor(self) -> Self;
    /// The nearest whole number, up to a million to either side of 0.
    fn rounded(self) -> Self;
    /// The nearest whole number of one between 0 and 65,535; anything for others.
    fn round_to_index(self) -> usize;
    fn abs(self) -> Self;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn sqrt(self) -> Self;
}

macro_rules! real {
    ($type:ident, $first_without_fraction:expr) => {
        impl Real for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NAN: Self = $type::NAN;
            const INFINITY: Self = $type::INFINITY;

            fn from_f64(value: f64) -> Self {
                value as $type
            }
            fn from_i32(value: i32) -> Self {
                value as $type
            }
            fn to_f32(self) -> f32 {
                self as f32
            }
            fn is_nan(self) -> bool {
                self.is_nan()
            }
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            fn next_down(self) -> Self {
                self.next_down()
            }
            fn floor(self) -> Self {
                self.floor()
            }
            #[inline(always)]
            fn rounded(self) -> Self {
                // The sum has no room for a fraction. Half as much again keeps it there for negative numbers.
                const ROUNDING: $type = 1.5 * $first_without_fraction;
                (self + ROUNDING) - ROUNDING
            }
            #[inline(always)]
            fn round_to_index(self) -> usize {
                // As above, and its last bits are the whole number. Rust's conversion takes several times as long, for
                // numbers that are too large.
                (self + $first_without_fraction).to_bits() as u16 as usize
            }
            fn abs(self) -> Self {
                self.abs()
            }
            fn exp(self) -> Self {
                self.exp()
            }
            fn ln(self) -> Self {
                self.ln()
            }
            fn sqrt(self) -> Self {
                self.sqrt()
            }
        }
    };
}

real!(f32, 8_388_608.0);
real!(f64, 4_503_599_627_370_496.0);
