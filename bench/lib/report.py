"""What the bench prints and saves."""

import os
import platform
import re

import aims
from figures import median
from machine import output
from peers import POOL

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def first(*command):
    lines = output(*command).splitlines()
    return lines[0] if lines else "unknown"


def versions(bench, found):
    lines = ["- " + first(bench.postgres.bin + "/postgres", "--version")]
    if bench.made_mariadb:
        lines.append("- " + re.sub(r"^\S+/", "", first(
            bench.made_mariadb.program, "--no-defaults", "--version")))
    told = set()
    for peer in found:
        words = {"haproxy": "-v", "pgbouncer": "-V"}.get(peer.name)
        if words:
            lines.append("- " + first(peer.program, words))
        elif hasattr(peer, "threads") and peer.program not in told:
            told.add(peer.program)
            lines.append(f"- {peer.name.split(',')[0]}: " +
                         first(peer.program, "-V") + commit(bench))
    return lines


def commit(bench):
    """Of the tree, unless the binary was made elsewhere."""
    found = output("git", "-C", ROOT, "describe", "--always", "--dirty")
    if bench.a.carpool or not re.fullmatch(r"[0-9a-f]+(-dirty)?", found):
        return ""
    return ", commit " + found


def environment(bench, found):
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        match = re.search(r"model name\s*:\s*(.*)", f.read())
        if match:
            model = match.group(1)
    with open("/proc/meminfo", encoding="ascii") as f:
        memory = int(f.readline().split()[1]) / (1 << 20)
    lines = [
        f"- machine: {os.cpu_count()} CPUs, {model}, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}",
        *versions(bench, found),
        "- poolers: transaction mode, pool of "
        f"{POOL}, trust logins, log of connections off, unless the table "
        "says other; HAProxy: TCP mode, 1 thread",
    ]
    if bench.scratch.fifo:
        lines.append("- proxy, server and load run under SCHED_FIFO (the "
                     "proxy not where its instructions are counted)")
    elif bench.a.no_fifo:
        lines.append("- the scheduler's default class, as asked for")
    else:
        lines.append("- the scheduler's default class: SCHED_FIFO is not "
                     "permitted here")
    return "\n".join(lines)


def dearer(rows, found, runs):
    """Where carpool costs more than pgbouncer, by the medians."""
    lines = []
    for row in rows:
        theirs = runs[row.name].get("pgbouncer")
        for peer in found:
            ours = runs[row.name].get(peer.name)
            if not row.cost or not ours or not theirs or \
                    not peer.name.startswith("carpool"):
                continue
            a, b = median(ours, row.cost), median(theirs, row.cost)
            if a > b * 1.005:  # less is not a difference
                lines.append(f"- {peer.name}, {row.title}: {a:,.2f} against "
                             f"{b:,.2f}")
    return lines


def write(bench, rows, found, runs, troubles):
    """The whole text, and whether an aim was missed."""
    parts = [environment(bench, found)]
    parts += [row.table(found, runs[row.name]) for row in rows
              if runs[row.name]]
    if any(peer.name == "pgbouncer" for peer in found):
        lines = dearer(rows, found, runs)
        parts.append("Dearer than pgbouncer, by the medians: " +
                     ("nothing." if not lines else
                      "\n\n" + "\n".join(lines)))
    text, missed = aims.table_of(runs)
    if text:
        parts.append(text)
    if troubles:
        parts.append("Left out:\n\n" + "\n".join(
            f"- {row}, {peer}: {why}" for (row, peer), why in
            troubles.items()))
    return "\n\n".join(parts), missed


def save(path, a, text, command, day, minutes):
    with open(path, "w", encoding="utf-8") as f:
        f.write("# What carpool costs beside its peers\n\n"
                f"Medians (min..max) of {a.rounds} interleaved rounds of "
                f"{a.seconds} s (one client: ten of 1 s; counts of calls and "
                "instructions: once, they do not depend on the noise), "
                f"taken on {day} in {minutes:.0f} minutes by "
                f"`{command}`.  The clients, the proxy and the server share "
                "the machine: compare only within one table.\n\n" + text +
                "\n")
