"""Tables in Markdown, and how figures are written in them."""

from figures import Spread


def table(head, rows):
    """Rows of cells; those of figures are aligned to the right by their heading's leading `>`."""
    lines = ["| " + " | ".join(cell.lstrip(">") for cell in head) + " |"]
    lines.append("|" + "|".join("---:" if cell.startswith(">") else "---" for cell in head) + "|")
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def number(value):
    """Three digits that mean something."""
    if value is None:
        return "–"
    if value and abs(value) < 0.01:
        return f"{value:.2g}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def shown(spread):
    """Median (least–most); the median alone where all figures are the same."""
    if spread is None:
        return "–"
    if not isinstance(spread, Spread):
        return number(spread)
    if spread.least == spread.most:
        return number(spread.median)
    between = " to " if spread.least < 0 else "–"
    return f"{number(spread.median)} ({number(spread.least)}{between}{number(spread.most)})"


def median(spread):
    return number(spread.median if spread else None)


def rounds(spread):
    return str(spread.count if spread else 0)
