use super::{Rng, assert_close, bits, in_pool, isas, sized};
use crate::Isa;
use crate::matmul::{Epilogue, MatRef, matmul};

/// The same product in `f64`.
fn plain(a: &dyn Fn(usize, usize) -> f32, b: &dyn Fn(usize, usize) -> f32, m: usize, n: usize, k: usize) -> Vec<f64> {
    let mut out = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            for l in 0..k {
                out[i * n + j] += f64::from(a(i, l)) * f64::from(b(l, j));
            }
        }
    }
    out
}

/// The contract to the letter: one chain of fused multiply-adds for each element.
fn chain(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
    let mut out = vec![0.0f32; m * n];
    for i in 0..m {
        for j in 0..n {
            for l in 0..k {
                out[i * n + j] = a[i * k + l].mul_add(b[l * n + j], out[i * n + j]);
            }
        }
    }
    out
}

/// A matrix stored either way, and its view.
fn stored(data: &[f32], rows: usize, cols: usize, transposed: bool) -> MatRef<'_> {
    if transposed { MatRef::new(data, cols, rows).t() } else { MatRef::new(data, rows, cols) }
}

#[test]
fn random_shapes_layouts_and_epilogues_match_f64() {
    let mut rng = Rng(1);
    for round in 0..sized(400, 4) {
        let size = |rng: &mut Rng| {
            if rng.below(12) == 0 { 0 } else { 1 + rng.below(sized(70, 24)) }
        };
        let (m, n, k) = (size(&mut rng), size(&mut rng), size(&mut rng));
        let (a, b) = (rng.many(m * k), rng.many(k * n));
        let (at, bt) = (rng.below(2) == 1, rng.below(2) == 1);
        let (bias, gate) = (rng.many(n), rng.many(m * n));
        let epilogue = match round % 4 {
            0 => Epilogue::Nothing,
            1 => Epilogue::Bias(&bias),
            2 => Epilogue::BiasRelu(&bias),
            _ => Epilogue::ReluBackward(&gate),
        };
        let read_a = |i: usize, l: usize| if at { a[l * m + i] } else { a[i * k + l] };
        let read_b = |l: usize, j: usize| if bt { b[j * k + l] } else { b[l * n + j] };
        let mut want = plain(&read_a, &read_b, m, n, k);
        for (i, want) in want.iter_mut().enumerate() {
            match epilogue {
                Epilogue::Nothing => {}
                Epilogue::Bias(bias) => *want += f64::from(bias[i % n]),
                Epilogue::BiasRelu(bias) => *want = (*want + f64::from(bias[i % n])).max(0.0),
                Epilogue::ReluBackward(gate) => *want = if gate[i] > 0.0 { *want } else { 0.0 },
            }
        }
        for isa in isas() {
            let mut c = vec![f32::NAN; m * n];
            matmul(isa, stored(&a, m, k, at), stored(&b, k, n, bt), &mut c, epilogue);
            assert_close(&c, &want, 1e-5);
        }
    }
}

#[test]
fn every_element_is_one_chain_of_fused_multiply_adds_whatever_the_layout_and_threads() {
    let mut rng = Rng(2);
    let mut shapes = vec![
        (128, 400, 784),
        (37, 41, 1701),
        (61, 20, 400),
        (400, 45, 130),
        // Narrow: without packing A, and (with A transposed) as C^T = B^T A^T; rows 1 KB apart; too deep for either.
        (128, 40, 400),
        (400, 20, 128),
        (403, 17, 65),
        (40, 400, 128),
        (50, 256, 30),
        (300, 256, 64),
        (128, 400, 20),
        (1, 10, 33),
        (33, 1, 100),
        (20, 7, 2100),
        (15, 33, 2),
        (3, 1, 5),
    ];
    if cfg!(miri) {
        shapes = vec![(9, 40, 18), (17, 7, 5)];
    }
    for (m, n, k) in shapes {
        let (a, b) = (rng.many(m * k), rng.many(k * n));
        let want = bits(&chain(&a, &b, m, n, k));
        let (mut a_t, mut b_t) = (vec![0.0; m * k], vec![0.0; k * n]);
        for l in 0..k {
            (0..m).for_each(|i| a_t[l * m + i] = a[i * k + l]);
            (0..n).for_each(|j| b_t[j * k + l] = b[l * n + j]);
        }
        for isa in isas() {
            for threads in [1, 2, 4].into_iter().take(sized(3, 1)) {
                for layout in 0..4 {
                    let (at, bt) = (layout & 1 == 1, layout & 2 == 2);
                    let a = stored(if at { &a_t } else { &a }, m, k, at);
                    let b = stored(if bt { &b_t } else { &b }, k, n, bt);
                    let mut c = vec![f32::NAN; m * n];
                    in_pool(threads, || matmul(isa, a, b, &mut c, Epilogue::Nothing));
                    assert!(bits(&c) == want, "{m} x {n} x {k}, {}, {threads} threads, layout {layout}", isa.name());
                }
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "a hundred rows take minutes, on paths that other tests take")]
fn a_row_does_not_depend_on_the_rows_beside_it() {
    let mut rng = Rng(3);
    let (n, k) = (400, 784);
    let (a, b) = (rng.many(128 * k), rng.many(k * n));
    for isa in isas() {
        let mut whole = vec![0.0; 128 * n];
        matmul(isa, MatRef::new(&a, 128, k), MatRef::new(&b, k, n), &mut whole, Epilogue::Nothing);
        for rows in [1, 2, 13, 15, 100] {
            let mut some = vec![0.0; rows * n];
            let from = 128 - rows;
            matmul(isa, MatRef::new(&a[from * k..], rows, k), MatRef::new(&b, k, n), &mut some, Epilogue::Nothing);
            assert!(bits(&some) == bits(&whole[from * n..]), "{rows} rows, {}", isa.name());
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "a hundred rows take minutes, on paths that other tests take")]
fn a_row_of_a_narrow_product_does_not_depend_on_the_rows_beside_it() {
    let mut rng = Rng(6);
    // The number of rows decides about jobs, tiles and whether C or C^T is computed.
    for (n, k) in [(20, 128), (40, 400), (400, 20), (1, 50)] {
        let rows = 500;
        let (a, b) = (rng.many(rows * k), rng.many(k * n));
        let bias = rng.many(n);
        for isa in isas() {
            for transposed in [false, true] {
                let product = |from: usize, to: usize| {
                    let mut c = vec![f32::NAN; (to - from) * n];
                    let some = &a[from * k..to * k];
                    let columns: Vec<f32> =
                        (0..some.len()).map(|i| some[i % (to - from) * k + i / (to - from)]).collect();
                    let a = stored(if transposed { &columns } else { some }, to - from, k, transposed);
                    let b = MatRef::new(&b, k, n);
                    matmul(isa, a, b, &mut c, Epilogue::BiasRelu(&bias));
                    c
                };
                let whole = bits(&product(0, rows));
                for (from, to) in [(0, 1), (7, 8), (3, 19), (100, 228), (211, 500)] {
                    assert!(
                        bits(&product(from, to)) == whole[from * n..to * n],
                        "rows {from}..{to}, n = {n}, k = {k}, transposed {transposed}, {}",
                        isa.name()
                    );
                }
            }
        }
    }
}

#[test]
fn nan_and_infinity_reach_their_own_elements_only() {
    for isa in isas() {
        let (m, n, k) = (20, 40, 30);
        let (mut a, b) = (vec![1.0f32; m * k], vec![1.0f32; k * n]);
        a[3 * k + 7] = f32::NAN;
        a[5 * k + 1] = f32::INFINITY;
        let bias = vec![-1.0; n];
        let mut c = vec![0.0; m * n];
        matmul(isa, MatRef::new(&a, m, k), MatRef::new(&b, k, n), &mut c, Epilogue::BiasRelu(&bias));
        for (i, row) in c.chunks(n).enumerate() {
            for &x in row {
                match i {
                    3 => assert!(x.is_nan()),
                    5 => assert_eq!(x, f32::INFINITY),
                    _ => assert_eq!(x, 29.0),
                }
            }
        }
    }
}

#[test]
fn an_empty_sum_gives_the_bias() {
    for isa in isas() {
        let bias = [1.0, -2.0, 3.0];
        let mut c = [9.0; 6];
        matmul(isa, MatRef::new(&[], 2, 0), MatRef::new(&[], 0, 3), &mut c, Epilogue::BiasRelu(&bias));
        assert_eq!(c, [1.0, 0.0, 3.0, 1.0, 0.0, 3.0]);
    }
}

#[test]
#[should_panic(expected = "the inner sizes differ")]
fn shapes_that_do_not_fit_are_refused() {
    let x = [0.0; 6];
    matmul(Isa::Portable, MatRef::new(&x, 2, 3), MatRef::new(&x, 2, 3), &mut [0.0; 6], Epilogue::Nothing);
}

/// The message of a panic; fails where there is none.
#[track_caller]
fn refusal<T>(work: impl FnOnce() -> T + std::panic::UnwindSafe) -> String {
    let Err(panic) = std::panic::catch_unwind(work) else { panic!("not refused") };
    *panic.downcast::<String>().expect("a formatted message")
}

#[test]
fn sizes_whose_product_wraps_are_refused() {
    refusal(|| MatRef::new(&[1.0; 2], (1 << 63) + 1, 2));
    // A has no columns and B no rows, so their own lengths are right; only C's wraps.
    let message = refusal(|| {
        let (a, b) = (MatRef::new(&[], (1 << 63) + 1, 0), MatRef::new(&[], 0, 2));
        matmul(Isa::Portable, a, b, &mut [0.0; 2], Epilogue::Nothing);
    });
    assert!(message.contains("more elements than memory holds"), "{message}");
}

#[test]
fn skipping_black_pixels_changes_no_bit_where_no_partial_sum_is_minus_zero() {
    let mut rng = Rng(31);
    for round in 0..sized(150, 2) {
        let (m, n, k) = match round {
            0 => (sized(128, 9), sized(400, 33), sized(784, 15)),
            1 => (sized(400, 12), sized(784, 40), sized(128, 9)),
            _ => (1 + rng.below(140), 65 + rng.below(200), rng.below(300)),
        };
        // Whole columns of x are 0, and most of the rest.
        let mut image = |rows: usize, cols: usize| {
            let black: Vec<bool> = (0..cols).map(|_| rng.below(3) == 0).collect();
            let mut x = rng.sparse(rows * cols, 0.8);
            x.iter_mut().enumerate().filter(|(i, _)| black[i % cols.max(1)]).for_each(|(_, x)| *x = -0.0);
            x
        };
        let (x, b) = (image(m, k), image(n, k));
        let (a, y) = (image(k, m), image(k, n));
        let bias: Vec<f32> = (0..n).map(|j| j as f32 - 7.0).collect();
        for isa in isas() {
            for threads in [1, 3].into_iter().take(sized(2, 1)) {
                let (mut plain, mut skipping) = (vec![1.0; m * n], vec![1.0; m * n]);
                let (forward, weight) = (MatRef::new(&x, m, k), MatRef::new(&b, n, k).t());
                in_pool(threads, || {
                    matmul(isa, forward, weight, &mut plain, Epilogue::BiasRelu(&bias));
                    matmul(isa, forward.mostly_zero(), weight, &mut skipping, Epilogue::BiasRelu(&bias));
                });
                assert!(bits(&plain) == bits(&skipping), "{m} x {k} of pixels by {k} x {n}");
                let (dy, pixels) = (MatRef::new(&a, k, m).t(), MatRef::new(&y, k, n));
                in_pool(threads, || {
                    matmul(isa, dy, pixels, &mut plain, Epilogue::Nothing);
                    matmul(isa, dy, pixels.mostly_zero(), &mut skipping, Epilogue::Nothing);
                });
                assert!(bits(&plain) == bits(&skipping), "{m} x {k} by {k} x {n} of pixels");
            }
        }
    }
}

#[test]
fn black_pixels_are_skipped_in_the_last_rows_of_a_factor_stored_by_columns() {
    // A tile has four rows; here the last one has one, two or three.
    for m in [sized(129, 13), sized(130, 14), sized(131, 11)] {
        let (n, k) = (sized(70, 18), sized(60, 12));
        let mut rng = Rng(32);
        let (data, b) = (rng.sparse(k * m, 0.8), rng.many(k * n));
        let rows: Vec<f32> = (0..m * k).map(|i| data[i % k * m + i / k]).collect();
        let want = bits(&chain(&rows, &b, m, n, k));
        for isa in isas() {
            let mut c = vec![f32::NAN; m * n];
            matmul(isa, stored(&data, m, k, true).mostly_zero(), MatRef::new(&b, k, n), &mut c, Epilogue::Nothing);
            assert!(bits(&c) == want, "{isa}, {m} rows");
        }
    }
}

#[test]
fn a_nan_pixel_is_not_skipped() {
    let pixels = sized(300, 12);
    let mut x = vec![0.0; 40 * pixels];
    x[7 * pixels + 5] = f32::NAN;
    let w = vec![1.0; 100 * pixels];
    for isa in isas() {
        let mut y = vec![0.0; 40 * 100];
        let x = MatRef::new(&x, 40, pixels).mostly_zero();
        matmul(isa, x, MatRef::new(&w, 100, pixels).t(), &mut y, Epilogue::Nothing);
        assert!((0..40).all(|i| y[i * 100].is_nan() == (i == 7)));
    }
}

#[test]
fn the_gradient_of_a_unit_that_no_image_switched_on_is_0() {
    let (images, units, pixels) = (sized(60, 9), sized(70, 33), sized(300, 20));
    let mut rng = Rng(33);
    let x: Vec<f32> = rng.sparse(images * pixels, 0.8).iter().map(|x| x.abs()).collect();
    // Of every so many neighbouring units one is on; none; all.
    for every in [3, usize::MAX, 1] {
        let mut dy = rng.many(images * units);
        dy.iter_mut().enumerate().filter(|(i, _)| (i % units) % every != every / 2).for_each(|(_, dy)| *dy = 0.0);
        if let Some(nan) = dy.get_mut(4 * units + every / 2) {
            *nan = f32::NAN;
        }
        let dy_t: Vec<f32> = (0..units * images).map(|i| dy[(i % images) * units + i / images]).collect();
        let want = chain(&dy_t, &x, units, pixels, images);
        for isa in isas() {
            let mut dw = vec![f32::INFINITY; units * pixels];
            let x = MatRef::new(&x, images, pixels).mostly_zero();
            in_pool(3, || matmul(isa, MatRef::new(&dy, images, units).t(), x, &mut dw, Epilogue::Nothing));
            // The dense product has NaN at every pixel of the unit; here the black ones of that image are left out.
            let same = |(got, want): (&f32, &f32)| got.to_bits() == want.to_bits() || want.is_nan();
            assert!(dw.iter().zip(&want).all(same), "{isa}, every {every}");
            assert_eq!(want.iter().any(|x| x.is_nan()), dw.iter().any(|x| x.is_nan()), "{isa}, every {every}");
        }
    }
}
