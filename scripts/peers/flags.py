"""The flags of the peers. Imports nothing that starts threads."""

import argparse


def arguments(description, *, side_by_side=False):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=1)
    if side_by_side:
        parser.add_argument("--seeds", type=int, default=1, help="so many seeds from --seed on, in one program")
    return parser.parse_args()
