// A Go driver runs scenarios: see ../matrix.py.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// What every driver has; what only some have is asked for where it is used.
type driver interface {
	version() string
	connect(startup map[string]string) (conn, error)
	// code is the SQLSTATE of an error.
	code(err error) string
}

// conn is one session.  Values come as text, whatever the driver makes of them.
type conn interface {
	query(text string, args ...any) ([][]string, error)
	run(text string) error
	begin() error
	commit() error
	rollback() error
	close() error
}

func choose(name string) driver {
	switch name {
	case "pgx":
		return pgxDriver{}
	case "pgx-describe":
		return pgxDriver{describe: true}
	case "database-sql-pgx":
		return sqlDriver{"pgx"}
	case "database-sql-pq":
		return sqlDriver{"postgres"}
	case "golang-migrate":
		return migrateDriver{}
	}
	panic("no driver " + name)
}

// answer runs one scenario and says how it went; true when well.
func answer(d driver, name, scenario string) (good bool) {
	defer func() {
		if e := recover(); e != nil {
			if os.Getenv("TRACE") != "" {
				panic(e)
			}
			fmt.Println("failed", scenario,
				strings.Join(strings.Fields(fmt.Sprint(e)), " "))
		}
	}()
	seen, err := json.Marshal(runScenario(d, name, scenario))
	check(err)
	fmt.Println("ok", scenario, string(seen))
	return true
}

func main() {
	name := os.Args[1]
	d := choose(name)
	good := true
	if len(os.Args) > 2 {
		for _, scenario := range os.Args[2:] {
			good = answer(d, name, scenario) && good
		}
	} else {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			good = answer(d, name, strings.TrimSpace(lines.Text())) && good
		}
	}
	if !good {
		os.Exit(1)
	}
}
