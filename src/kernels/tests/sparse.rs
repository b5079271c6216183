use super::{Rng, bits, in_pool, isas};
use crate::kernels::Sparse;
use crate::kernels::matmul::{Finish, MatRef, Start, matmul};
use crate::kernels::sparse::{Side, product};

#[test]
fn both_products_give_the_bytes_of_the_dense_ones() {
    let mut rng = Rng(12);
    for round in 0..80 {
        let (rows, cols, n) = match round {
            0 => (128, 784, 400),
            _ => (rng.below(150), rng.below(150), rng.below(120)),
        };
        let zeros = [0.0, 0.5, 0.81, 1.1][round % 4];
        let x = rng.sparse(rows * cols, zeros);
        let (weights, dy, bias) = (rng.many(cols * n), rng.many(rows * n), rng.many(n));
        for isa in isas() {
            let lit = Sparse::new(isa, &x, rows, cols);
            assert_eq!(lit.lit(), x.iter().filter(|&&x| x != 0.0).count());
            let xm = MatRef::new(&x, rows, cols);
            let (mut y, mut y_dense) = (vec![9.0; rows * n], vec![9.0; rows * n]);
            let (mut dw, mut dw_dense) = (vec![9.0; cols * n], vec![9.0; cols * n]);
            matmul(isa, xm, MatRef::new(&weights, cols, n), &mut y_dense, Start::Zero, Finish::BiasRelu(&bias));
            matmul(isa, xm.t(), MatRef::new(&dy, rows, n), &mut dw_dense, Start::Zero, Finish::Nothing);
            for threads in [1, 3] {
                in_pool(threads, || {
                    product(isa, &lit, Side::Rows, MatRef::new(&weights, cols, n), &mut y, Finish::BiasRelu(&bias));
                    product(isa, &lit, Side::Cols, MatRef::new(&dy, rows, n), &mut dw, Finish::Nothing);
                });
                assert!(bits(&y) == bits(&y_dense), "{rows} x {cols} x {n}, {}", isa.name());
                assert!(bits(&dw) == bits(&dw_dense), "{rows} x {cols} x {n}, {}", isa.name());
            }
        }
    }
}

#[test]
fn nan_pixels_are_lit() {
    for isa in isas() {
        let x = [0.0, f32::NAN, -0.0, 2.0];
        let lit = Sparse::new(isa, &x, 2, 2);
        assert_eq!(lit.lit(), 2);
        let mut y = [0.0; 2];
        product(isa, &lit, Side::Rows, MatRef::new(&[1.0, 1.0], 2, 1), &mut y, Finish::Nothing);
        assert!(y[0].is_nan() && y[1] == 2.0);
    }
}
