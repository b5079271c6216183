//! The ways to write each digit, as pen strokes through marks.

/// Digit classes, 0 to 9.
pub(super) const CLASSES: usize = 10;

/// A mark on the template's paper: x to the right and y down, in hundredths of the digit's height.
pub(super) type Mark = [u8; 2];

/// A smooth curve through its marks (two marks: a straight line). One that ends where it began is
/// closed smoothly. A corner is the end of one stroke and the start of the next.
pub(super) type Stroke = &'static [Mark];

/// One way to write a digit, from its top at y = 0 to its foot at y = 100.
pub(super) type Template = &'static [Stroke];

/// The ways to write each digit; all ways of a digit are equally likely.
#[rustfmt::skip]
pub(super) const TEMPLATES: [&[Template]; CLASSES] = [
    &[ // 0: closed; not quite closed
        &[&[[32, 0], [10, 18], [2, 52], [12, 88], [34, 100], [56, 84], [64, 48], [54, 14], [32, 0]]],
        &[&[[44, 3], [18, 10], [3, 45], [8, 82], [30, 100], [55, 78], [62, 40], [50, 10], [28, 3]]],
    ],
    &[ // 1: a stick; with a flag; with a flag and a foot
        &[&[[30, 0], [30, 100]]],
        &[&[[10, 22], [32, 0]], &[[32, 0], [32, 100]]],
        &[&[[10, 20], [32, 0]], &[[32, 0], [32, 100]], &[[4, 100], [60, 100]]],
    ],
    &[ // 2: with a corner; with a loop
        &[&[[4, 24], [14, 6], [34, 0], [55, 10], [56, 32], [38, 62], [3, 98]], &[[3, 98], [66, 98]]],
        &[&[[6, 18], [24, 1], [48, 8], [52, 34], [34, 70], [14, 95], [1, 90], [9, 76], [28, 84],
            [46, 97], [70, 92]]],
    ],
    &[ // 3: two bows; a flat top
        &[&[[4, 12], [28, 0], [52, 12], [46, 36], [20, 47]],
          &[[20, 47], [50, 56], [58, 80], [34, 100], [0, 90]]],
        &[&[[5, 0], [56, 0]], &[[56, 0], [26, 40]],
          &[[26, 40], [52, 50], [58, 76], [34, 100], [0, 92]]],
    ],
    &[ // 4: open; closed
        &[&[[12, 2], [2, 54]], &[[2, 54], [62, 50]], &[[54, 0], [50, 100]]],
        &[&[[50, 0], [2, 62]], &[[2, 62], [68, 62]], &[[50, 0], [50, 100]]],
    ],
    &[ // 5: neck and belly, then the cap; one sweep from the cap down
        &[&[[16, 0], [10, 42]], &[[10, 42], [36, 37], [57, 56], [50, 86], [25, 100], [0, 90]],
          &[[16, 0], [62, 0]]],
        &[&[[60, 2], [20, 4]],
          &[[20, 4], [11, 24], [20, 42], [46, 56], [50, 82], [26, 100], [0, 92]]],
    ],
    &[ // 6: a bent back; a straight back
        &[&[[48, 0], [20, 22], [5, 56], [9, 88], [30, 100], [52, 87], [51, 64], [32, 53], [9, 72]]],
        &[&[[38, 0], [14, 46], [5, 80], [25, 100], [52, 84], [47, 62], [26, 60], [7, 84]]],
    ],
    &[ // 7: plain; with a serif; with a bar
        &[&[[0, 3], [60, 0]], &[[60, 0], [38, 48], [26, 100]]],
        &[&[[0, 17], [3, 2]], &[[3, 2], [60, 2]], &[[60, 2], [20, 100]]],
        &[&[[0, 3], [60, 0]], &[[60, 0], [38, 48], [22, 100]], &[[14, 53], [62, 49]]],
    ],
    &[ // 8: one crossing stroke; two ovals
        &[&[[52, 12], [29, 0], [8, 16], [22, 40], [50, 64], [52, 88], [28, 100], [5, 86], [12, 62],
            [40, 38], [52, 12]]],
        &[&[[30, 0], [10, 22], [30, 46], [50, 22], [30, 0]],
          &[[30, 46], [4, 74], [30, 100], [56, 74], [30, 46]]],
    ],
    &[ // 9: a straight tail; a hooked tail
        &[&[[52, 12], [26, 0], [5, 20], [10, 42], [34, 45], [52, 22]],
          &[[52, 12], [50, 52], [42, 100]]],
        &[&[[52, 12], [26, 0], [5, 22], [14, 44], [38, 40], [52, 16]],
          &[[52, 12], [52, 62], [38, 95], [10, 96]]],
    ],
];
