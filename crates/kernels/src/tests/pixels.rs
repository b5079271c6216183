use super::{Rng, in_pool, isas, sized};
use crate::pixels::gather;

#[test]
fn gathered_pixels_are_the_bytes_divided_by_255() {
    let mut rng = Rng(13);
    for isa in isas() {
        for size in [0, 1, 16, 17, 256, sized(784, 300)] {
            let images: Vec<u8> = (0..40 * size).map(|i| (i % 256) as u8).collect();
            let order: Vec<u32> = (0..50).map(|_| rng.below(40) as u32).collect();
            for threads in [1, 3] {
                let mut out = vec![9.0; order.len() * size];
                in_pool(threads, || gather(isa, &images, size, &order, &mut out));
                for (i, &x) in out.iter().enumerate() {
                    let byte = images[order[i / size] as usize * size + i % size];
                    assert_eq!(x, f32::from(byte) / 255.0);
                }
            }
        }
    }
}
