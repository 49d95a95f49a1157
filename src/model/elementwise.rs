//! The logistic function and the test for NaN as operators: tract's own have no double.

use tract_onnx::model::OnnxOpRegister;
use tract_onnx::tract_hir::internal::*;

/// Registers `Sigmoid` and `IsNaN` in place of tract's own.
pub(super) fn register(operators: &mut OnnxOpRegister) {
    operators.insert("Sigmoid", |_, _| Ok((sigmoid().into_hir(), vec![])));
    operators.insert("IsNaN", |_, _| Ok((is_nan().into_hir(), vec![])));
}

// `1 / (1 + exp(-x))` with the standard library's `exp` is what H2O computes; other forms of the same
// function differ from it in the last bit for many rows.
element_wise!(sigmoid, Sigmoid,
    [f32] => |_, values| {
        values.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-*x).exp()));
        Ok(())
    },
    [f64] => |_, values| {
        values.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-*x).exp()));
        Ok(())
    }
);

element_wise_oop!(is_nan, IsNan,
    [f32] => bool |_, values, found| {
        found.iter_mut().zip(values).for_each(|(found, x)| *found = x.is_nan());
        Ok(())
    },
    [f64] => bool |_, values, found| {
        found.iter_mut().zip(values).for_each(|(found, x)| *found = x.is_nan());
        Ok(())
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::tract_hir::internal::ElementWiseMiniOp;

    #[test]
    fn is_the_logistic_function_in_both_types() {
        let mut doubles = tensor1(&[0.0f64, 800.0, -800.0, 1.0, f64::NAN]);
        Sigmoid {}.eval_in_place(&mut doubles, None).unwrap();
        let doubles = doubles.try_as_plain_ram().unwrap().as_slice::<f64>().unwrap().to_vec();
        assert_eq!(doubles[..3], [0.5, 1.0, 0.0]);
        assert!((doubles[3] - 0.731_058_578_630_004_9).abs() < 1e-15);
        assert!(doubles[4].is_nan());
        let mut floats = tensor1(&[0.0f32, 200.0, -200.0]);
        Sigmoid {}.eval_in_place(&mut floats, None).unwrap();
        assert_eq!(floats, tensor1(&[0.5f32, 1.0, 0.0]));
    }
}
