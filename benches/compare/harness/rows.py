"""The rows that are scored: those of the bundled sample that the service accepts, as they are or of a given size."""

import itertools
import random
import subprocess

from places import SAMPLE, TARGET

FILE = TARGET / "rows.csv"
TAIL_NUMBER = 10
# Columns that the features and the identity of a flight are read from; all others may be missing.
NEEDED = {0, 1, 2, 3, 5, 8, 9, 16, 17}
FIELDS = 29


def accepted(service):
    """The rows of the sample that the service scores, also written to FILE."""
    rows = SAMPLE.read_bytes().splitlines()
    scored = score(service, SAMPLE)
    # "NAME, line N: why"
    rejected = {int(line.split(", line ", 1)[1].split(":", 1)[0]) for line in scored.stderr.splitlines()}
    rows = [row for number, row in enumerate(rows, 1) if number not in rejected]
    if len(rows) != len(scored.stdout.splitlines()):
        raise RuntimeError(f"{SAMPLE}: {len(rows)} rows, but {len(scored.stdout.splitlines())} predictions")
    write(FILE, rows)
    return rows


def of_size(rows, size, service):
    """Rows of that many bytes: what no feature needs is left out, or the tail number is as long as it takes."""
    sized = list(filter(None, (resized(row, size, number) for number, row in enumerate(rows))))
    if not sized:
        raise RuntimeError(f"no row of the sample can have {size} bytes")
    file = TARGET / f"rows-{size}.csv"
    write(file, sized)
    scored = score(service, file)
    if scored.stderr or len(scored.stdout.splitlines()) != len(sized):
        raise RuntimeError(f"{file}: not every row of {size} bytes is scored\n{scored.stderr}")
    return sized


def resized(row, size, number):
    fields = row.split(b",")
    if len(row) > size:
        fields = [field if column in NEEDED else b"" for column, field in enumerate(fields[:FIELDS])]
    missing = size - len(b",".join(fields))
    if missing < 0:
        return None
    # Letters that compress about as badly as text that does not repeat.
    letters = random.Random(number).choices(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=missing)
    fields[TAIL_NUMBER] += bytes(letters)
    return b",".join(fields)


def score(service, file):
    return subprocess.run([service, "score", file], check=False, capture_output=True, text=True, errors="replace")


def write(file, rows):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(itertools.chain.from_iterable((row, b"\n") for row in rows)))
