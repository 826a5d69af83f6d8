"""A Python driver of MySQL runs scenarios: see ../../my_matrix.py."""

import sys

import drivers
import scenarios

DRIVERS = {
    "pymysql": drivers.PyMySQL,
    "mysqlclient": drivers.MySQLdb,
    "mysql-connector": drivers.Connector,
    "mysql-connector-pure": lambda: drivers.Connector(use_pure=True),
    "mysql-connector-prepared": lambda: drivers.Connector(
        use_pure=True, prepared=True),
    "sqlalchemy-pymysql": lambda: drivers.Alchemy("pymysql"),
    "sqlalchemy-mysqlclient": lambda: drivers.Alchemy("mysqldb"),
    "mariadb-cli": drivers.Cli,
}

if __name__ == "__main__":
    sys.exit(scenarios.main(sys.argv[1], DRIVERS[
        sys.argv[1].removesuffix("-debian")]()))
