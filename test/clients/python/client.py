"""A Python driver runs scenarios: see ../matrix.py."""

import sys

import async_drivers
import scenarios
import sync_drivers

DRIVERS = {
    "psycopg2-debian": sync_drivers.Psycopg2,
    "psycopg-debian": sync_drivers.Psycopg,
    "psycopg": sync_drivers.Psycopg,
    "psycopg-prepare-0": lambda name: sync_drivers.Psycopg(
        name, prepare_threshold=0),
    "psycopg-prepare-1": lambda name: sync_drivers.Psycopg(
        name, prepare_threshold=1),
    "asyncpg": async_drivers.Asyncpg,
    "asyncpg-debian": async_drivers.Asyncpg,
    "sqlalchemy-debian": lambda name: sync_drivers.Alchemy(
        name, "psycopg2"),
    "sqlalchemy-psycopg": sync_drivers.Alchemy,
    "sqlalchemy-asyncpg": async_drivers.AsyncAlchemy,
    "procrastinate": lambda name: sync_drivers.Procrastinate(),
}

if __name__ == "__main__":
    sys.exit(scenarios.main(lambda name: DRIVERS[name](name)))
