"""Medians, ratios and tables."""

import statistics


def show(value, digits=0):
    return f"{value:,.{digits}f}"


def spread(values, digits=0):
    """median (min..max); one value stands alone."""
    values = [v for v in values if v is not None]
    if not values:
        return "-"
    middle = show(statistics.median(values), digits)
    if len(values) == 1:
        return middle
    return f"{middle} ({show(min(values), digits)}" \
           f"..{show(max(values), digits)})"


def median(runs, key):
    values = [r[key] for r in runs if r.get(key) is not None]
    return statistics.median(values) if values else None


def paired(ours, theirs, key, their_key=None):
    """Ratios of the runs of the same rounds, which saw the same noise."""
    return [a[key] / b[their_key or key] for a, b in zip(ours, theirs)
            if a.get(key) is not None and b.get(their_key or key)]


def table(head, rows):
    widths = [max(len(str(r[i])) for r in [head, *rows])
              for i in range(len(head))]

    def line(cells):
        first = str(cells[0]).ljust(widths[0])
        rest = [str(c).rjust(w) for c, w in zip(cells[1:], widths[1:])]
        return "| " + " | ".join([first, *rest]) + " |"
    rule = "|" + "|".join(
        [":" + "-" * (widths[0] + 1)] +
        ["-" * (w + 1) + ":" for w in widths[1:]]) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])
