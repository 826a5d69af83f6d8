package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

const clients = 8

var zones = []string{
	"Asia/Tokyo", "Europe/Lisbon", "America/Lima", "Asia/Dhaka",
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// same panics where an answer is not the wanted one, a value or a row each.
func same(rows [][]string, err error, wanted ...any) {
	check(err)
	var row []string
	for _, w := range wanted {
		row = append(row, fmt.Sprint(w))
	}
	if len(rows) != 1 || !slices.Equal(rows[0], row) {
		panic(fmt.Sprintf("got %v, not %v", rows, row))
	}
}

// together runs work n times at once; a panic of one becomes the caller's.
func together(n int, work func(i int) any) []any {
	results := make([]any, n)
	panics := make([]any, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer func() { panics[i] = recover() }()
			results[i] = work(i)
		}()
	}
	wait.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
	return results
}

func until(what string, condition func() bool) {
	end := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(end) {
			panic("not in time: " + what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

type scenarios struct {
	driver
	name string
	lock sync.Mutex
	open []conn
}

func runScenario(d driver, name, scenario string) any {
	s := &scenarios{driver: d, name: strings.ReplaceAll(name, "-", "_")}
	defer func() {
		for _, c := range s.open {
			c.close()
		}
	}()
	table := map[string]func() any{
		"version": func() any { return d.version() },
		"storm":   s.storm, "interleave": s.interleave, "reuse": s.reuse,
		"errors": s.errors, "rollback": s.rollback, "settings": s.settings,
		"schema": s.schema, "advisory": s.advisory, "temp": s.temp,
		"startup": s.startup, "pipeline": s.pipeline, "cursor": s.cursor,
		"copy": s.copy, "listen": s.listen, "cancel": s.cancel,
		"prepare": s.prepare, "discard": s.discard, "pool": s.pool, "migrate": s.migrate,
	}
	work, ok := table[scenario]
	if !ok {
		panic("no scenario " + scenario)
	}
	return work()
}

func (s *scenarios) openConn(startup map[string]string) conn {
	c, err := s.connect(startup)
	check(err)
	s.lock.Lock()
	defer s.lock.Unlock()
	s.open = append(s.open, c)
	return c
}

func (s *scenarios) conns(n int) []conn {
	out := make([]conn, n)
	together(n, func(i int) any {
		out[i] = s.openConn(nil)
		return nil
	})
	return out
}

// failure is the SQLSTATE with which work failed.
func (s *scenarios) failure(err error) string {
	if err == nil {
		return "no error"
	}
	return s.code(err)
}

func (s *scenarios) ask(c conn, text string, args ...any) string {
	_, err := c.query(text, args...)
	return s.failure(err)
}

func value(c conn, text string, args ...any) string {
	rows, err := c.query(text, args...)
	check(err)
	return rows[0][0]
}

func (s *scenarios) table(scenario, columns string) string {
	name := "t_" + s.name + "_" + scenario
	c := s.openConn(nil)
	check(c.run("DROP TABLE IF EXISTS " + name))
	check(c.run("CREATE TABLE " + name + " (" + columns + ")"))
	return name
}

func (s *scenarios) storm() any {
	for range 2 {
		together(24, func(i int) any {
			c, err := s.connect(nil)
			check(err)
			defer c.close()
			rows, err := c.query("SELECT $1::int", i)
			same(rows, err, i)
			return nil
		})
	}
	return 48
}

func (s *scenarios) interleave() any {
	conns := s.conns(clients)
	together(clients, func(i int) any {
		for n := range 25 {
			own := fmt.Sprintf("%d.%d", i, n)
			rows, err := conns[i].query(
				"SELECT $1::int * 2, $2::text", n, own)
			same(rows, err, n*2, own)
			rows, err = conns[i].query("SELECT $1::text || 'x'", own)
			same(rows, err, own+"x")
		}
		return nil
	})
	return clients * 50
}

func (s *scenarios) reuse() any {
	table := s.table("reuse", "client int, n int")
	conns := s.conns(clients)
	together(clients, func(i int) any {
		c := conns[i]
		for n := 1; n < 8; n++ {
			check(c.begin())
			_, err := c.query(
				"INSERT INTO "+table+" VALUES ($1::int, $2::int)", i, n)
			check(err)
			rows, err := c.query("SELECT sum(n) FROM "+table+
				" WHERE client = $1::int", i)
			same(rows, err, n*(n+1)/2)
			check(c.commit())
		}
		return nil
	})
	return value(conns[0], "SELECT count(*) FROM "+table)
}

func (s *scenarios) errors() any {
	table := s.table("errors", "a int PRIMARY KEY")
	insert := "INSERT INTO " + table + " VALUES ($1::int)"
	conns := s.conns(4)
	return together(4, func(i int) any {
		var seen []string
		c := conns[i]
		for n := range 3 {
			_, err := c.query(insert, i*10+n)
			check(err)
			seen = []string{
				s.ask(c, "SELECT missing + $1::int", n),
				s.ask(c, "SELECT $1::int FROM not_there", n),
				s.ask(c, "SELECT $1::int / 0", n),
				s.ask(c, insert, i*10+n),
			}
			rows, err := c.query("SELECT $1::int + 1", n)
			same(rows, err, n+1)
		}
		return seen
	})
}

func (s *scenarios) rollback() any {
	table := s.table("rollback", "a int")
	insert := "INSERT INTO " + table + " VALUES ($1::int)"
	count := "SELECT count(*) FROM " + table + " WHERE a = $1::int"
	conns := s.conns(4)
	return together(4, func(i int) any {
		var seen []string
		c := conns[i]
		for range 3 {
			check(c.begin())
			_, err := c.query(insert, i)
			check(err)
			seen = []string{
				s.ask(c, "SELECT $1::int / 0", i), s.ask(c, count, i),
			}
			check(c.rollback())
			rows, err := c.query(count, i)
			same(rows, err, 0)
		}
		check(c.begin())
		_, err := c.query(insert, i)
		check(err)
		check(c.commit())
		return append(seen, value(c, count, i))
	})
}

func (s *scenarios) pipeline() any {
	conns := s.conns(4)
	return together(4, func(i int) any {
		type pipelined interface {
			pipeline(text string, args [][]any) ([]string, error)
		}
		c := conns[i].(pipelined)
		var many [][]any
		var wanted []string
		for n := range 20 {
			many = append(many, []any{n})
			wanted = append(wanted, fmt.Sprint(n+1))
		}
		bad := ""
		for range 3 {
			got, err := c.pipeline("SELECT $1::int + 1", many)
			check(err)
			if !slices.Equal(got, wanted) {
				panic(fmt.Sprint("got ", got))
			}
			_, err = c.pipeline("SELECT 10 / $1::int",
				[][]any{{5}, {0}, {2}})
			bad = s.failure(err)
			rows, err := conns[i].query("SELECT $1::int", i)
			same(rows, err, i)
		}
		return bad
	})
}

// cursor reads a result in pieces by SQL's own cursor, prepared like all else.
func (s *scenarios) cursor() any {
	conns := s.conns(4)
	return together(4, func(i int) any {
		c := conns[i]
		total := 0
		for _, most := range []int{1000, 140} {
			check(c.begin())
			check(c.run("DECLARE piece CURSOR FOR SELECT 1 AS g" +
				" FROM generate_series(1, 1000)"))
			for seen := 0; seen < most; {
				rows, err := c.query("FETCH 70 FROM piece")
				check(err)
				if len(rows) == 0 {
					break
				}
				seen += len(rows)
				total += len(rows)
			}
			check(c.rollback())
		}
		rows, err := c.query("SELECT $1::int", 5)
		same(rows, err, 5)
		return total
	})
}

func (s *scenarios) copy() any {
	table := s.table("copy", "a int, b text")
	conns := s.conns(4)
	return together(4, func(i int) any {
		type copier interface {
			copyIn(table string, rows [][]any) error
			copyText(sql, data string) error
			copyOut(query string) (string, error)
		}
		c := conns[i].(copier)
		var rows [][]any
		var text strings.Builder
		for n := range 300 {
			row := fmt.Sprint("row ", n)
			rows = append(rows, []any{i, row})
			text.WriteString(row + "\n")
		}
		check(c.copyIn(table, rows))
		got, err := c.copyOut(fmt.Sprintf("SELECT b FROM %s WHERE a = %d"+
			" ORDER BY length(b), b", table, i))
		check(err)
		if got != text.String() {
			panic("other lines came back")
		}
		bad := s.failure(c.copyText("COPY "+table+" FROM STDIN",
			"1\tgood\nbad\tbad\n"))
		return []string{bad, value(conns[i], "SELECT $1::int", i)}
	})
}

func (s *scenarios) schemas(scenario string) []string {
	var names []string
	c := s.openConn(nil)
	for i := range 4 {
		name := fmt.Sprintf("s_%s_%s_%d", s.name, scenario, i)
		check(c.run("DROP SCHEMA IF EXISTS " + name + " CASCADE"))
		check(c.run("CREATE SCHEMA " + name))
		check(c.run("CREATE TABLE " + name + ".who AS SELECT '" + name +
			"'::text AS w"))
		names = append(names, name)
	}
	return names
}

// watch sees that each connection has its own settings, again and again.
func watch(conns []conn, names []string) {
	together(len(conns), func(i int) any {
		for n := range 10 {
			rows, err := conns[i].query(
				"SELECT w FROM who WHERE $1::int >= 0", n)
			same(rows, err, names[i])
			rows, err = conns[i].query("SHOW statement_timeout")
			same(rows, err, fmt.Sprintf("%ds", i+11))
			rows, err = conns[i].query("SHOW timezone")
			same(rows, err, zones[i])
		}
		return nil
	})
}

func (s *scenarios) defaults() []string {
	c := s.openConn(nil)
	return []string{
		value(c, "SHOW search_path"), value(c, "SHOW statement_timeout"),
		value(c, "SHOW timezone"),
	}
}

func (s *scenarios) settings() any {
	names := s.schemas("settings")
	conns := s.conns(4)
	for i, c := range conns {
		check(c.run("SET search_path = " + names[i]))
		check(c.run(fmt.Sprintf("SET statement_timeout = '%ds'", i+11)))
		check(c.run("SET TIME ZONE '" + zones[i] + "'"))
	}
	watch(conns, names)
	seen := s.defaults()
	check(conns[0].begin())
	check(conns[0].run("SET statement_timeout = '99s'"))
	check(conns[0].rollback())
	watch(conns, names)
	check(conns[1].run("RESET statement_timeout"))
	check(conns[1].run("RESET search_path"))
	return append(seen, value(conns[1], "SHOW statement_timeout"),
		value(conns[1], "SHOW search_path"),
		value(conns[2], "SHOW statement_timeout"))
}

func (s *scenarios) startup() any {
	names := s.schemas("startup")
	conns := make([]conn, 4)
	for i := range conns {
		conns[i] = s.openConn(map[string]string{
			"search_path": names[i], "timezone": zones[i],
			"statement_timeout": fmt.Sprintf("%ds", i+11),
		})
	}
	watch(conns, names)
	check(conns[0].run("SET statement_timeout = '99s'"))
	check(conns[0].run("RESET statement_timeout"))
	watch(conns, names)
	return s.defaults()
}

func (s *scenarios) listen() any {
	type listener interface {
		listen(channel string) error
		unlisten(channel string) error
		notifications(n int) ([]string, error)
	}
	channel := "news_" + s.name
	conns := s.conns(2)
	others := s.conns(4)
	for _, c := range conns {
		check(c.(listener).listen(channel))
	}
	for n := range 3 {
		check(others[n].run(fmt.Sprintf("NOTIFY %s, 'n%d'", channel, n)))
	}
	check(others[3].begin())
	check(others[3].run("NOTIFY " + channel + ", 'never'"))
	check(others[3].rollback())
	check(others[3].begin())
	check(others[3].run("NOTIFY " + channel + ", 'n3'"))
	check(others[3].commit())
	var seen [][]string
	take := func(i, n int) {
		got, err := conns[i].(listener).notifications(n)
		check(err)
		seen = append(seen, got)
	}
	take(0, 4)
	take(1, 4)
	rows, err := conns[0].query("SELECT $1::int", 3)
	same(rows, err, 3)
	check(conns[0].(listener).unlisten(channel))
	check(others[0].run("NOTIFY " + channel + ", 'last'"))
	take(1, 1)
	rows, err = conns[0].query("SELECT $1::int", 4)
	same(rows, err, 4)
	take(0, 0)
	return seen
}

func (s *scenarios) cancel() any {
	conns := s.conns(2)
	mark := "mark " + s.name + " cancel"
	done := make(chan string)
	go func() {
		done <- s.ask(conns[0],
			"SELECT pg_sleep($1::int)::text /* "+mark+" */", 30)
	}()
	until("the query to run", func() bool {
		return value(conns[1], "SELECT count(*) FROM pg_stat_activity"+
			" WHERE state = 'active' AND pid <> pg_backend_pid()"+
			" AND query LIKE $1::text AND wait_event = 'PgSleep'",
			"%"+mark+"%") == "1"
	})
	check(conns[0].(interface{ cancel() error }).cancel())
	seen := <-done
	rows, err := conns[1].query("SELECT $1::int", 2)
	same(rows, err, 2)
	rows, err = conns[0].query("SELECT $1::int", 1)
	same(rows, err, 1)
	return seen
}

func (s *scenarios) schema() any {
	table := s.table("schema", "a int")
	conns := s.conns(4)
	owner := s.openConn(nil)
	check(owner.run("INSERT INTO " + table + " VALUES (1)"))
	read := func(c conn) string {
		rows, err := c.query("SELECT * FROM "+table+" WHERE a = $1::int", 1)
		if err != nil {
			return s.code(err)
		}
		if rows[0][0] != "1" {
			panic(fmt.Sprint("got ", rows))
		}
		return fmt.Sprint(len(rows[0]), " columns")
	}
	outside := func(i int) any {
		return []string{read(conns[i]), read(conns[i]), read(conns[i])}
	}
	inside := func(i int) any {
		check(conns[i].begin())
		first := read(conns[i])
		if strings.HasSuffix(first, "columns") {
			check(conns[i].commit())
		} else {
			check(conns[i].rollback())
		}
		return []string{first, read(conns[i]), read(conns[i])}
	}
	seen := []any{together(4, outside)}
	check(owner.run("ALTER TABLE " + table + " ADD COLUMN b int"))
	seen = append(seen, together(4, outside))
	check(owner.run("ALTER TABLE " + table + " ADD COLUMN c int"))
	seen = append(seen, together(4, inside))
	// Binary values are longer from now on.
	check(owner.run("ALTER TABLE " + table + " ALTER COLUMN a TYPE bigint"))
	return append(seen, together(4, outside))
}

func (s *scenarios) advisory() any {
	conns := s.conns(2)
	a, b := conns[0], conns[1]
	const key = 7003
	lock := func() {
		_, err := a.query("SELECT pg_advisory_lock($1::int)::text", key)
		check(err)
	}
	attempt := func() string {
		return value(b, "SELECT pg_try_advisory_lock($1::int)", key)
	}
	unlock := func(c conn) string {
		return value(c, "SELECT pg_advisory_unlock($1::int)", key)
	}
	lock()
	seen := []string{attempt()}
	for n := range 3 {
		check(a.begin())
		rows, err := a.query("SELECT $1::int", n)
		same(rows, err, n)
		check(a.commit())
	}
	seen = append(seen, attempt(), unlock(a), attempt(), unlock(b))
	lock()
	check(a.close())
	until("the lock of a closed connection", func() bool {
		return attempt() == "true"
	})
	return append(seen, unlock(b))
}

func (s *scenarios) temp() any {
	conns := s.conns(3)
	a, b, c := conns[0], conns[1], conns[2]
	name := "tt_" + s.name
	read := "SELECT n FROM " + name + " WHERE n >= $1::int ORDER BY n"
	check(a.run("CREATE TEMPORARY TABLE " + name + " (n int)"))
	for n := range 5 {
		check(a.begin())
		_, err := a.query("INSERT INTO "+name+" VALUES ($1::int)", n)
		check(err)
		check(a.commit())
		rows, err := c.query("SELECT $1::int", n)
		same(rows, err, n)
	}
	rows, err := a.query(read, 0)
	check(err)
	seen := []any{len(rows), s.ask(b, read, 0)}
	check(a.run("DROP TABLE " + name))
	seen = append(seen, s.ask(a, read, 0))
	check(a.run("CREATE TEMPORARY TABLE " + name + " AS SELECT 8 AS n"))
	// Some drivers hold the old statement, as they do directly.
	rows, err = a.query(read, 1)
	seen = append(seen, s.failure(err), rows)
	check(a.close())
	return append(seen, s.ask(b, read, 0))
}

func (s *scenarios) prepare() any {
	conns := s.conns(clients)
	return together(clients, func(i int) any {
		c := conns[i]
		check(c.run(fmt.Sprintf("PREPARE own (int) AS SELECT $1 + %d", i)))
		for n := range 5 {
			rows, err := c.query(fmt.Sprintf("EXECUTE own(%d)", n))
			same(rows, err, n+i)
		}
		check(c.run("DEALLOCATE own"))
		return s.failure(c.run("EXECUTE own(1)"))
	})
}

func (s *scenarios) discard() any {
	conns := s.conns(clients)
	return together(clients, func(i int) any {
		c := conns[i]
		text := fmt.Sprintf("SELECT $1::int + %d", i%2)
		for range 6 {
			rows, err := c.query(text, 1)
			same(rows, err, 1+i%2)
		}
		var seen []string
		for _, command := range []string{
			"DEALLOCATE ALL", "DISCARD ALL", "DEALLOCATE ALL",
		} {
			check(c.run(command))
			seen = append(seen, s.ask(c, text, 1), s.ask(c, text, 1))
		}
		return seen
	})
}

func (s *scenarios) pool() any {
	return s.driver.(interface{ pool() any }).pool()
}

func (s *scenarios) migrate() any {
	return s.driver.(interface{ migrate() any }).migrate()
}
