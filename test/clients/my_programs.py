"""How the programs of MySQL's drivers are started, and what they need."""

import os
import shutil

import toolchain
from programs import node_version, once
from toolchain import DEBIAN_PYTHON, HERE

from tools.account import scratch

MYSQL = os.path.join(HERE, "mysql")
MODULES = {"pymysql-debian": ("pymysql",), "mysqlclient-debian": ("MySQLdb",),
           "sqlalchemy-pymysql-debian": ("sqlalchemy", "pymysql"),
           "sqlalchemy-mysqlclient-debian": ("sqlalchemy", "MySQLdb"),
           "mariadb-cli": ()}


def _python():
    if os.uname().machine != "x86_64":
        raise toolchain.Missing("the lock file is for x86_64")
    return toolchain.python("mysql/python", "mysql-python")


def python(driver):
    client = os.path.join(MYSQL, "python/client.py")
    if driver not in MODULES:
        return [f"{once(_python)}/bin/python", client, driver], HERE
    for module in MODULES[driver]:
        toolchain.output(DEBIAN_PYTHON, "-c", f"import {module}")
    return [DEBIAN_PYTHON, client, driver], HERE


def cli(driver):
    toolchain.tool("mariadb")
    toolchain.tool("mariadb-dump")
    return python(driver)


def _install_node():
    """The folder with node_modules."""
    toolchain.tool("npm")
    version = toolchain.output("node", "--version")
    toolchain.need("node", version, "20")
    names = ("package.json", "package-lock.json", "schema.prisma")

    def make(folder):
        toolchain.copy("mysql/node", names, folder)
        toolchain.step("npm", "ci", "--ignore-scripts", "--no-audit",
                       "--no-fund", cwd=folder)
        toolchain.generate_prisma(folder)

    return toolchain.cached("mysql-node", version,
                            toolchain.sources("mysql/node", *names), make)


def _node_folder():
    """As programs.node_folder(), which says why."""
    installed = _install_node()
    folder = scratch("mysql-node")
    for source in ("mysql/node", "node"):
        for name in os.listdir(os.path.join(HERE, source)):
            if name.endswith(".mjs") and (
                    source != "node" or name in ("held.mjs", "packages.mjs")):
                shutil.copy(os.path.join(HERE, source, name), folder)
    for name in ("node_modules", "generated"):
        if os.path.exists(os.path.join(installed, name)):
            os.symlink(os.path.join(installed, name),
                       os.path.join(folder, name))
    return folder


NODE_PACKAGES = {"drizzle-mysql2": "drizzle-orm",
                 "prisma-mariadb": "@prisma/client"}


def node(driver):
    folder = once(_node_folder)
    node_version(folder, NODE_PACKAGES.get(driver, driver))
    return ["node", "client.mjs", driver], folder


def _go():
    return toolchain.go("mysql/go", "mysql-go")


def go(driver):
    return [os.path.join(once(_go), "client"), driver], HERE


def _java():
    return toolchain.java("mysql/java", "mysql-java", ("Client.java",))


def java(driver):
    folder = once(_java)
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp",
            f"{folder}:{folder}/*", "Client", driver], HERE


def php(driver):
    toolchain.tool("php")
    extension = "mysqli" if driver == "mysqli" else "pdo_mysql"
    toolchain.output("php", "-r", f"extension_loaded('{extension}')"
                     " || exit(1);")
    return ["php", os.path.join(MYSQL, "php/client.php"), driver], HERE


LANGUAGES = {"c": cli, "python": python, "node": node, "go": go,
             "php": php, "java": java}


def command(language, driver):
    """(argv, folder) of a driver's program, or Missing."""
    return LANGUAGES[language](driver)
