"""Compares two files of predictions, line by line: check.py EXPECTED FOUND."""

import json
import math
import sys
from itertools import zip_longest

# A last place of a double near 1: the last of an exponential, through a sum and a quotient.
MOST_DIFFERENCE = 2 * math.ulp(0.5)


def main(expected, found):
    same = close = 0
    with open(expected, "rb") as one, open(found, "rb") as other:
        for number, (line, theirs) in enumerate(zip_longest(one, other), 1):
            if line == theirs:
                same += 1
            elif line and theirs and is_close(line, theirs):
                close += 1
            else:
                sys.exit(f"prediction {number}: expected {line}, found {theirs}")
    if not same:
        sys.exit("there are no predictions")
    print(f"{same + close} predictions: {same} are the same bytes, {close} differ in a last digit")


def is_close(line, theirs):
    """Whether nothing differs but probabilities, and those by next to nothing."""
    line, theirs = json.loads(line), json.loads(theirs)
    expected, found = line.pop("probabilities"), theirs.pop("probabilities")
    return (
        line == theirs
        and expected.keys() == found.keys()
        and all(abs(expected[label] - found[label]) <= MOST_DIFFERENCE for label in expected)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
