"""What is going on, for whoever waits for it."""

import sys
import time

START = time.monotonic()


def say(text):
    print(f"bench: {int(time.monotonic() - START):5} s  {text}", file=sys.stderr, flush=True)
