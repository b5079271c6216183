use super::{Rng, bits, in_pool, isas};
use crate::kernels::reduce::{column_sums, relu, relu_backward};

#[test]
fn column_sums_add_rows_in_order_on_any_threads() {
    let mut rng = Rng(10);
    for round in 0..60 {
        let (rows, cols) = if round == 0 { (128, 784) } else { (rng.below(71), rng.below(300)) };
        let x = rng.many(rows * cols);
        let mut want = vec![0.0f32; cols];
        for row in x.chunks_exact(cols.max(1)) {
            want.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        for isa in isas() {
            for threads in [1, 3] {
                let mut sums = vec![9.0; cols];
                in_pool(threads, || column_sums(isa, &x, rows, &mut sums));
                assert_eq!(bits(&sums), bits(&want));
            }
        }
    }
}

#[test]
fn relu_and_its_backward_pass_keep_nan_and_gate() {
    let mut rng = Rng(11);
    for isa in isas() {
        for len in [0, 1, 16, 70, 20_000] {
            let (x, dy) = (rng.many(len), rng.many(len));
            let (mut y, mut dx) = (vec![9.0; len], vec![9.0; len]);
            relu(isa, &x, &mut y);
            relu_backward(isa, &dy, &y, &mut dx);
            for i in 0..len {
                assert_eq!(y[i], x[i].max(0.0));
                assert_eq!(dx[i], if x[i] > 0.0 { dy[i] } else { 0.0 });
            }
        }
        let mut y = [0.0; 3];
        relu(isa, &[f32::NAN, f32::INFINITY, f32::NEG_INFINITY], &mut y);
        assert!(y[0].is_nan() && y[1] == f32::INFINITY && y[2] == 0.0);
    }
}
