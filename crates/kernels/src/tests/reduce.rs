use super::{Rng, bits, in_pool, isas, sized};
use crate::reduce::{column_sums, scale_rows};

#[test]
fn column_sums_add_rows_in_order_on_any_threads() {
    let mut rng = Rng(10);
    for round in 0..sized(60, 4) {
        let (rows, cols) = if round == 0 { (sized(128, 12), 784) } else { (rng.below(71), rng.below(300)) };
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
fn scaled_rows_are_each_rounded_once() {
    let mut rng = Rng(11);
    for isa in isas() {
        for (rows, cols) in [(0, 5), (1, 1), (3, 0), (7, 70), (sized(128, 12), 784)] {
            let (scale, x) = (rng.many(rows), rng.many(rows * cols));
            let mut scaled = x.clone();
            scale_rows(isa, &scale, &mut scaled);
            assert!((0..rows * cols).all(|i| scaled[i] == scale[i / cols] * x[i]));
        }
    }
}
