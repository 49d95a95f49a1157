//! What becomes of the scores of a row at the end: the `post_transform` of the ONNX operators.

use crate::model::real::Real;
use std::cmp::Ordering;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

/// A `post_transform`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transform {
    None,
    Softmax,
    Logistic,
    /// Softmax over the scores that are not zero; a zero stays one.
    SoftmaxZero,
    /// The inverse of the normal distribution function.
    Probit,
}

impl Transform {
    /// By its name in `TreeEnsembleClassifier` and `TreeEnsembleRegressor`.
    pub fn by_name(name: &str) -> Option<Transform> {
        Some(match name {
            "NONE" => Transform::None,
            "SOFTMAX" => Transform::Softmax,
            "LOGISTIC" => Transform::Logistic,
            "SOFTMAX_ZERO" => Transform::SoftmaxZero,
            "PROBIT" => Transform::Probit,
            _ => return None,
        })
    }

    /// The attribute of `TreeEnsembleClassifier` and `TreeEnsembleRegressor`.
    pub fn of(node: &NodeProto) -> TractResult<Transform> {
        let name = node
            .get_attr_opt::<&str>("post_transform")
            .context("post_transform")?
            .unwrap_or("NONE");
        Transform::by_name(name).with_context(|| format!("post_transform is {name}, which is not one of ONNX's"))
    }

    /// By its number in `TreeEnsemble`, as the ONNX specification counts them. (onnxruntime up to 1.31
    /// exchanges 1 and 2, and leaves out all but PROBIT where there is one target.)
    pub fn by_number(number: i64) -> Option<Transform> {
        Some(match number {
            0 => Transform::None,
            1 => Transform::Softmax,
            2 => Transform::Logistic,
            3 => Transform::SoftmaxZero,
            4 => Transform::Probit,
            _ => return None,
        })
    }

    /// Applies the transform to all scores of one row.
    pub fn apply<T: Real>(self, scores: &mut [T]) {
        match self {
            Transform::None => {}
            Transform::Softmax => softmax(scores),
            Transform::Logistic => scores.iter_mut().for_each(|score| *score = logistic(*score)),
            Transform::SoftmaxZero => softmax_zero(scores),
            Transform::Probit => scores.iter_mut().for_each(|score| *score = probit(*score)),
        }
    }
}

/// The logistic function, as the ONNX reference and onnxruntime compute it: through the exponential of a
/// number that is not positive, so that nothing overflows.
fn logistic<T: Real>(score: T) -> T {
    let [_, value] = logistic_pair(score);
    value
}

/// The logistic function of the negative score, and of the score.
pub(super) fn logistic_pair<T: Real>(score: T) -> [T; 2] {
    let value = T::ONE / (T::ONE + (-score.abs()).exp());
    let other = T::ONE - value;
    match score.partial_cmp(&T::ZERO) {
        Some(Ordering::Less) => [value, other],
        Some(Ordering::Greater) => [other, value],
        Some(Ordering::Equal) | None => [value; 2],
    }
}

fn greatest<T: Real>(scores: &[T]) -> T {
    let mut greatest = scores.first().copied().unwrap_or(T::ZERO);
    for &score in scores {
        if score > greatest {
            greatest = score;
        }
    }
    greatest
}

/// The exponential of each score as a share of their sum.
pub(in crate::model) fn softmax<T: Real>(scores: &mut [T]) {
    let greatest = greatest(scores);
    let mut sum = T::ZERO;
    for score in scores.iter_mut() {
        *score = (*score - greatest).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score = *score / sum);
}

fn softmax_zero<T: Real>(scores: &mut [T]) {
    // What counts as zero, by onnxruntime.
    let tiny = T::from_f64(1e-7);
    let greatest = greatest(scores);
    let scale = (-greatest).exp();
    let mut sum = T::ZERO;
    for score in scores.iter_mut() {
        if score.abs() > tiny {
            *score = (*score - greatest).exp();
            sum += *score;
        } else {
            *score = *score * scale;
        }
    }
    // All scores are zero: they stay so.
    if sum > T::ZERO {
        scores.iter_mut().for_each(|score| *score = *score / sum);
    }
}

/// √2 times the inverse error function of `2p - 1`, by Winitzki's approximation with a = 0.147 and with √2 to
/// nine digits, which is what the ONNX reference computes.
#[allow(clippy::approx_constant)]
fn probit<T: Real>(p: T) -> T {
    let two = T::ONE + T::ONE;
    let a = T::from_f64(0.147);
    let x = two * p - T::ONE;
    let log = ((T::ONE - x) * (T::ONE + x)).ln();
    let v = two / (T::from_f64(std::f64::consts::PI) * a) + T::from_f64(0.5) * log;
    let root = (-v + (v * v - T::ONE / a * log).sqrt()).sqrt();
    let sign = if x < T::ZERO { -T::ONE } else { T::ONE };
    T::from_f64(1.41421356) * sign * root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(transform: Transform, mut scores: Vec<f64>) -> Vec<f64> {
        transform.apply(&mut scores);
        scores
    }

    #[track_caller]
    fn assert_near(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "{got} is not {expected}");
        }
    }

    // The expected values are onnxruntime 1.31's for the same scores.
    #[test]
    fn values_by_another_implementation() {
        assert_eq!(applied(Transform::None, vec![-1.5, 3.0]), [-1.5, 3.0]);
        assert_near(
            &applied(Transform::Logistic, vec![-0.8, 0.0, 1.1]),
            &[0.310_025_5, 0.5, 0.750_260_1],
        );
        assert_near(
            &applied(Transform::Softmax, vec![-0.5, 0.4]),
            &[0.289_050_5, 0.710_949_5],
        );
        assert_near(
            &applied(Transform::SoftmaxZero, vec![0.1, 0.2]),
            &[0.475_020_8, 0.524_979_2],
        );
        assert_near(&applied(Transform::SoftmaxZero, vec![0.0, 0.5]), &[0.0, 1.0]);
        assert_near(
            &applied(Transform::Probit, vec![0.3, 0.5, 0.8]),
            &[-0.524_445_9, 0.0, 0.841_756_1],
        );
    }

    #[test]
    fn extremes_stay_within_their_bounds() {
        assert_eq!(applied(Transform::Logistic, vec![-1e9, 1e9]), [0.0, 1.0]);
        assert_eq!(applied(Transform::Softmax, vec![-1e9, 1e9]), [0.0, 1.0]);
        assert_eq!(applied(Transform::SoftmaxZero, vec![0.0, 0.0]), [0.0, 0.0]);
        assert_eq!(
            applied(Transform::Probit, vec![0.0, 1.0]),
            [f64::NEG_INFINITY, f64::INFINITY]
        );
        assert_eq!(applied(Transform::Softmax, vec![]), [0.0; 0]);
    }

    #[test]
    fn names_and_numbers_are_those_of_the_specification() {
        let names = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"];
        for (number, name) in names.into_iter().enumerate() {
            assert_eq!(Transform::by_name(name), Transform::by_number(number as i64));
        }
        assert_eq!(Transform::by_name("logistic"), None);
        assert_eq!(Transform::by_number(5), None);
    }
}
