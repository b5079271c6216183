use super::{Rng, assert_close, bits, in_pool, isas, sized};
use crate::nearest::{Codebook, Scores, add_commitment_grad, codebook_grad, distances, gather, search};

/// (z - e)^2 summed in f64.
fn distance(z: &[f32], e: &[f32]) -> f64 {
    z.iter().zip(e).map(|(&z, &e)| (f64::from(z) - f64::from(e)).powi(2)).sum()
}

#[test]
fn the_entry_that_is_found_is_the_nearest_in_f64_on_every_instruction_set() {
    let mut rng = Rng(61);
    for (vectors, entries, dim) in [(1, 1, 1), (7, 5, 3), (sized(1300, 40), 64, 16), (33, 70, 1), (20, 512, 64)] {
        let (z, book) = (rng.many(vectors * dim), rng.many(entries * dim));
        let codebook = Codebook { entries: &book, dim };
        let mut seen = None;
        for isa in isas() {
            for threads in [1, 3] {
                let codes = in_pool(threads, || {
                    let mut codes = vec![u32::MAX; vectors];
                    search(isa, codebook, &z, &mut Scores::default(), &mut codes);
                    codes
                });
                for (z, &code) in z.chunks(dim).zip(&codes) {
                    let found = distance(z, &book[code as usize * dim..][..dim]);
                    let least = book.chunks(dim).map(|e| distance(z, e)).fold(f64::INFINITY, f64::min);
                    assert!(found <= least + 1e-5, "{found} instead of {least}");
                }
                assert!(*seen.get_or_insert_with(|| codes.clone()) == codes, "{isa}");
            }
        }
    }
}

#[test]
fn the_first_of_equal_entries_is_taken_and_a_vector_of_nan_gets_the_first() {
    let book = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
    for isa in isas() {
        let mut codes = [9; 4];
        let z = [0.9, 0.1, 0.1, 0.9, f32::NAN, 0.0, 0.5, 0.5];
        search(isa, Codebook { entries: &book, dim: 2 }, &z, &mut Scores::default(), &mut codes);
        assert_eq!(codes, [0, 1, 0, 0]);
    }
}

#[test]
fn distances_and_gradients_are_those_of_the_two_terms() {
    let mut rng = Rng(62);
    let (images, n, dim, entries) = (9, 5, 7, 11);
    let (z, book) = (rng.many(images * n * dim), rng.many(entries * dim));
    let codebook = Codebook { entries: &book, dim };
    let scale = rng.many(images);
    let mut seen = None;
    for isa in isas() {
        let mut codes = vec![0; images * n];
        search(isa, codebook, &z, &mut Scores::default(), &mut codes);
        let (mut e, mut c) = (vec![0.0; z.len()], vec![0.0; images]);
        gather(codebook, &codes, &mut e);
        distances(isa, &z, &e, &mut c);
        let want: Vec<f64> = z.chunks(n * dim).zip(e.chunks(n * dim)).map(|(z, e)| distance(z, e)).collect();
        assert_close(&c, &want, 1e-6);
        let (mut dz, mut de) = (vec![0.5; z.len()], vec![f32::NAN; book.len()]);
        add_commitment_grad(&scale, &z, &e, &mut dz);
        codebook_grad(&scale, &z, &e, &codes, dim, &mut de);
        let mut want = vec![0f64; book.len()];
        for (at, (&z, &e)) in z.iter().zip(&e).enumerate() {
            let g = 2.0 * f64::from(scale[at / (n * dim)]) * (f64::from(z) - f64::from(e));
            assert!((f64::from(dz[at]) - 0.5 - g).abs() < 1e-6);
            want[codes[at / dim] as usize * dim + at % dim] -= g;
        }
        assert_close(&de, &want, 1e-5);
        let now = (bits(&c), bits(&dz), bits(&de));
        assert!(*seen.get_or_insert_with(|| now.clone()) == now, "{isa}");
    }
}
