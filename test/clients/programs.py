"""How each driver's program is started: command, folder, environment."""

import json
import os
import re
import shutil

import toolchain
from toolchain import DEBIAN_PYTHON, HERE, Missing

from tools.account import scratch

_made = {}


def once(make):
    """make()'s result, or the Missing that it raised, kept for this run."""
    if make not in _made:
        try:
            _made[make] = make()
        except Missing as e:
            _made[make] = e
    if isinstance(_made[make], Missing):
        raise _made[make]
    return _made[make]


DEBIAN_MODULES = {"psycopg2-debian": "psycopg2", "psycopg-debian": "psycopg",
                  "asyncpg-debian": "asyncpg",
                  "sqlalchemy-debian": "sqlalchemy"}


def python(driver):
    client = os.path.join(HERE, "python/client.py")
    if driver in DEBIAN_MODULES:
        toolchain.output(DEBIAN_PYTHON, "-c",
                         f"import {DEBIAN_MODULES[driver]}")
        return [DEBIAN_PYTHON, client, driver], HERE
    return [f"{once(toolchain.python)}/bin/python", client, driver], HERE


def node_folder():
    """Copies of the sources beside a link to the installed packages: node
    looks for packages where the source really is."""
    installed = toolchain.node()
    folder = scratch("node")
    for name in os.listdir(os.path.join(HERE, "node")):
        if name.endswith(".mjs"):
            shutil.copy(os.path.join(HERE, "node", name), folder)
    for name in ("node_modules", "generated"):
        if os.path.exists(os.path.join(installed, name)):
            os.symlink(os.path.join(installed, name),
                       os.path.join(folder, name))
    return folder


def node_version(folder, package):
    """Missing where the package wants a newer node than there is."""
    with open(os.path.join(folder, "node_modules", package,
                           "package.json")) as f:
        wanted = json.load(f).get("engines", {}).get("node", "")
    match = re.match(r">=\s*(\d[\d.]*)$", wanted)
    if match:
        toolchain.need("node", toolchain.output("node", "--version"),
                       match.group(1))


NODE_PACKAGES = {"drizzle": "drizzle-orm", "prisma": "@prisma/client"}


def node(driver):
    folder = once(node_folder)
    node_version(folder, NODE_PACKAGES.get(driver, driver))
    return ["node", "client.mjs", driver], folder


def go(driver):
    return [os.path.join(once(toolchain.go), "client"), driver], HERE


def rust(driver):
    return [os.path.join(once(toolchain.rust), "client"), driver], HERE


def java(driver):
    folder = once(toolchain.java)
    # It serves few requests, so it starts fast rather than runs fast.
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp",
            f"{folder}:{folder}/*", "Client", driver], HERE


def c(driver):
    if driver == "libpq":
        return [os.path.join(once(toolchain.c), "client"), driver], HERE
    return [DEBIAN_PYTHON, os.path.join(HERE, "c/tools.py"), driver], HERE


LANGUAGES = {"c": c, "python": python, "node": node, "go": go,
             "rust": rust, "java": java}


def command(language, driver):
    """(argv, folder) of a driver's program, or Missing."""
    return LANGUAGES[language](driver)
