package main

import (
	"errors"
	"os"
	"strings"
	"testing/fstest"

	"github.com/golang-migrate/migrate/v4"
	_ "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
)

// migrateDriver is golang-migrate, which keeps others out by an advisory lock
// of its session.
type migrateDriver struct {
	pgxDriver
}

func (d migrateDriver) version() string {
	return moduleVersion("github.com/golang-migrate/migrate/v4",
		"github.com/jackc/pgx/v5")
}

func (d migrateDriver) migrate() any {
	c, err := d.connect(nil)
	check(err)
	check(c.run("DROP TABLE IF EXISTS migrate_one, migrate_two," +
		" migrate_versions"))
	check(c.close())
	files := fstest.MapFS{
		"1_one.up.sql": {Data: []byte(
			"CREATE TABLE migrate_one (a int)")},
		"1_one.down.sql": {Data: []byte("DROP TABLE migrate_one")},
		"2_two.up.sql": {Data: []byte(
			"CREATE TABLE migrate_two (a int); SELECT pg_sleep(0.05)")},
		"2_two.down.sql": {Data: []byte("DROP TABLE migrate_two")},
	}
	to := strings.Replace(os.Getenv("DATABASE_URL"), "postgresql:", "pgx5:",
		1) + "?x-migrations-table=migrate_versions"
	// Four at once: one does it, the others find it done.
	done := together(4, func(int) any {
		source, err := iofs.New(files, ".")
		check(err)
		m, err := migrate.NewWithSourceInstance("iofs", source, to)
		check(err)
		defer m.Close()
		err = m.Up()
		if errors.Is(err, migrate.ErrNoChange) {
			return 0
		}
		check(err)
		return 1
	})
	total := 0
	for _, n := range done {
		total += n.(int)
	}
	source, err := iofs.New(files, ".")
	check(err)
	m, err := migrate.NewWithSourceInstance("iofs", source, to)
	check(err)
	defer m.Close()
	version, dirty, err := m.Version()
	check(err)
	check(m.Down())
	return []any{total, version, dirty}
}
