package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

const clients = 8

var (
	zones = []string{"+01:00", "-05:30", "+09:00", "+00:00"}
	ctx   = context.Background()
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func same(got, wanted any) {
	if fmt.Sprint(got) != fmt.Sprint(wanted) {
		panic(fmt.Sprintf("got %v, not %v", got, wanted))
	}
}

// conn is one connection, outside or inside of a transaction.
type conn struct {
	db   *sql.DB
	conn *sql.Conn
	tx   *sql.Tx
	last int64
}

type scenarios struct {
	name   string
	isText bool
	open   []*conn
	lock   sync.Mutex
}

func newScenarios(driver string) *scenarios {
	return &scenarios{name: strings.ReplaceAll(driver, "-", "_"),
		isText: strings.HasSuffix(driver, "-text")}
}

// dsn: with text the driver puts the arguments into the text itself, else
// each query with arguments is prepared, run and closed.
func (s *scenarios) dsn() string {
	c := mysql.NewConfig()
	c.User, c.Passwd = os.Getenv("MYSQL_USER"), os.Getenv("MYSQL_PASSWORD")
	c.Net = "tcp"
	c.Addr = os.Getenv("MYSQL_HOST") + ":" + os.Getenv("MYSQL_PORT")
	c.DBName = os.Getenv("MYSQL_DATABASE")
	c.InterpolateParams = s.isText
	c.MultiStatements = s.isText
	c.AllowAllFiles = true
	return c.FormatDSN()
}

func (s *scenarios) connect() *conn {
	db, err := sql.Open("mysql", s.dsn())
	check(err)
	c := &conn{db: db}
	c.conn, err = db.Conn(ctx)
	check(err)
	s.lock.Lock()
	s.open = append(s.open, c)
	s.lock.Unlock()
	return c
}

func (s *scenarios) close() {
	for _, c := range s.open {
		c.conn.Close()
		c.db.Close()
	}
	s.open = nil
}

// together runs the work on n connections at once.
func (s *scenarios) together(n int, work func(c *conn, i int) any) []any {
	out := make([]any, n)
	wrong := make([]any, n)
	var all sync.WaitGroup
	for i := 0; i < n; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			defer func() { wrong[i] = recover() }()
			out[i] = work(s.connect(), i)
		}()
	}
	all.Wait()
	for _, e := range wrong {
		if e != nil {
			panic(e)
		}
	}
	return out
}

func scan(rows *sql.Rows) [][]string {
	defer rows.Close()
	names, err := rows.Columns()
	check(err)
	out := [][]string{}
	for rows.Next() {
		values := make([]sql.NullString, len(names))
		places := make([]any, len(names))
		for i := range values {
			places[i] = &values[i]
		}
		check(rows.Scan(places...))
		row := []string{}
		for _, v := range values {
			if !v.Valid {
				v.String = "NULL"
			}
			row = append(row, v.String)
		}
		out = append(out, row)
	}
	check(rows.Err())
	return out
}

func (c *conn) query(text string, args ...any) [][]string {
	var rows *sql.Rows
	var err error
	if c.tx != nil {
		rows, err = c.tx.QueryContext(ctx, text, args...)
	} else {
		rows, err = c.conn.QueryContext(ctx, text, args...)
	}
	check(err)
	return scan(rows)
}

func (c *conn) exec(text string, args ...any) int64 {
	var result sql.Result
	var err error
	if c.tx != nil {
		result, err = c.tx.ExecContext(ctx, text, args...)
	} else {
		result, err = c.conn.ExecContext(ctx, text, args...)
	}
	check(err)
	c.last, _ = result.LastInsertId()
	n, _ := result.RowsAffected()
	return n
}

func (c *conn) begin() {
	var err error
	c.tx, err = c.conn.BeginTx(ctx, &sql.TxOptions{
		Isolation: sql.LevelReadCommitted})
	check(err)
}

func (c *conn) commit() {
	check(c.tx.Commit())
	c.tx = nil
}

func (c *conn) rollback() {
	check(c.tx.Rollback())
	c.tx = nil
}

// code is the number of the error with which work fails.
func code(work func()) (seen string) {
	defer func() {
		e, _ := recover().(error)
		var my *mysql.MySQLError
		if errors.As(e, &my) {
			seen = fmt.Sprint(my.Number)
		} else if e != nil {
			seen = e.Error()
		}
	}()
	work()
	return "no error"
}

func (s *scenarios) table(scenario, columns string) string {
	name := "t_" + s.name + "_" + scenario
	c := s.connect()
	c.exec("DROP TABLE IF EXISTS " + name)
	c.exec("CREATE TABLE " + name + " (" + columns + ") ENGINE=InnoDB")
	return name
}

func (s *scenarios) run(name string) any {
	return map[string]func() any{
		"version": s.version, "storm": s.storm, "interleave": s.interleave,
		"prepared": s.prepared, "reuse": s.reuse, "errors": s.errors,
		"rollback": s.rollback, "insert_id": s.insertID,
		"settings": s.settings, "big": s.big, "temp": s.temp,
		"lock": s.userLock, "multi": s.multi, "stream": s.stream,
		"load": s.load, "pool": s.pool, "cancel": s.cancel,
	}[name]()
}

func (s *scenarios) version() any {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if strings.HasSuffix(m.Path, "go-sql-driver/mysql") {
			return m.Path[len("github.com/"):] + " " + m.Version
		}
	}
	return "unknown"
}

func (s *scenarios) storm() any {
	for round := 0; round < 2; round++ {
		s.together(20, func(c *conn, i int) any {
			same(c.query("SELECT ?", i), [][]string{{fmt.Sprint(i)}})
			return nil
		})
		s.close()
	}
	return 40
}

func (s *scenarios) interleave() any {
	s.together(clients, func(c *conn, i int) any {
		for n := 0; n < 25; n++ {
			same(c.query("SELECT ? * 2, ?", n, fmt.Sprint("c", i)),
				[][]string{{fmt.Sprint(n * 2), fmt.Sprint("c", i)}})
		}
		return nil
	})
	return clients * 25
}

func (s *scenarios) prepared() any {
	table := s.table("prepared", "a INT, b VARCHAR(40)")
	return s.together(clients, func(c *conn, i int) any {
		insert, err := c.conn.PrepareContext(ctx,
			"INSERT INTO "+table+" VALUES (?, ?)")
		check(err)
		read, err := c.conn.PrepareContext(ctx,
			"SELECT a, b FROM "+table+" WHERE a = ? ORDER BY b")
		check(err)
		for n := 0; n < 6; n++ {
			_, err = insert.Exec(i, fmt.Sprint("row ", n))
			check(err)
			rows, err := read.Query(i)
			check(err)
			same(len(scan(rows)), n+1)
		}
		check(insert.Close())
		_, bad := c.conn.PrepareContext(ctx, "SELEC ?")
		rows, err := read.Query(i)
		check(err)
		return []any{code(func() { check(bad) }), len(scan(rows)),
			c.query("SELECT ?, ?, ?", 1.5, nil, "x")}
	})
}

func (s *scenarios) reuse() any {
	table := s.table("reuse", "client INT, n INT")
	s.together(clients, func(c *conn, i int) any {
		for n := 1; n < 8; n++ {
			c.begin()
			c.exec("INSERT INTO "+table+" VALUES (?, ?)", i, n)
			same(c.query("SELECT SUM(n) FROM "+table+" WHERE client = ?", i),
				[][]string{{fmt.Sprint(n * (n + 1) / 2)}})
			c.commit()
		}
		return nil
	})
	return s.connect().query("SELECT COUNT(*) FROM " + table)
}

func (s *scenarios) errors() any {
	table := s.table("errors", "a INT PRIMARY KEY")
	return s.together(4, func(c *conn, i int) any {
		insert := func() { c.exec("INSERT INTO "+table+" VALUES (?)", i) }
		insert()
		return []any{
			code(func() { c.query("SELECT missing + ?", i) }),
			code(func() { c.query("SELECT ? FROM not_there", i) }),
			code(insert), code(func() { c.query("SELEC 1") }),
			c.query("SELECT ? + 1", i)}
	})
}

func (s *scenarios) rollback() any {
	table := s.table("rollback", "a INT PRIMARY KEY")
	c, other := s.connect(), s.connect()
	count := "SELECT COUNT(*) FROM " + table
	c.begin()
	c.exec("INSERT INTO " + table + " VALUES (1)")
	twice := code(func() { c.exec("INSERT INTO " + table + " VALUES (1)") })
	c.exec("INSERT INTO " + table + " VALUES (2)")
	seen := []any{twice, c.query(count), other.query(count)}
	c.rollback()
	return append(seen, c.query(count))
}

func (s *scenarios) insertID() any {
	table := s.table("insert_id", "a INT AUTO_INCREMENT PRIMARY KEY, b INT")
	all := []*conn{s.connect(), s.connect(), s.connect(), s.connect()}
	seen := []any{}
	for n := 0; n < 3; n++ {
		for i, c := range all {
			c.exec("INSERT INTO "+table+" (b) VALUES (?)", i)
			seen = append(seen, c.last)
		}
		for _, c := range all {
			seen = append(seen, c.query("SELECT LAST_INSERT_ID()"))
		}
	}
	return seen
}

func (s *scenarios) settings() any {
	all := []*conn{s.connect(), s.connect(), s.connect(), s.connect()}
	for i, c := range all {
		c.exec("SET time_zone = '" + zones[i] + "'")
		if i%2 == 1 {
			c.exec("SET sql_mode = 'ANSI_QUOTES'")
		} else {
			c.exec("SET SESSION group_concat_max_len = 77")
		}
		c.exec(fmt.Sprint("SET @own = ", i))
		if i == 2 {
			c.exec("SET NAMES latin1")
		}
	}
	seen := []any{}
	for n := 0; n < 5; n++ {
		for _, c := range all {
			seen = append(seen, c.query("SELECT @@time_zone,"+
				" @@sql_mode = 'ANSI_QUOTES', @own,"+
				" @@group_concat_max_len, @@character_set_client"))
		}
	}
	return seen
}

func (s *scenarios) big() any {
	table := s.table("big", "a INT, b LONGTEXT")
	c := s.connect()
	for n := 0; n < 3; n++ {
		c.exec("INSERT INTO "+table+" VALUES (?, ?)", n,
			strings.Repeat("x", 400000))
	}
	seen := []int{}
	for _, row := range c.query("SELECT b FROM " + table) {
		seen = append(seen, len(row[0]))
	}
	return append(seen, len(c.query("SELECT REPEAT('y', 17000000)")[0][0]))
}

func (s *scenarios) temp() any {
	a, b := s.connect(), s.connect()
	name := "tt_" + s.name
	a.exec("CREATE TEMPORARY TABLE " + name + " (n INT)")
	for n := 0; n < 5; n++ {
		a.exec("INSERT INTO "+name+" VALUES (?)", n)
		b.query("SELECT 1")
	}
	return []any{a.query("SELECT COUNT(*) FROM " + name),
		code(func() { b.query("SELECT * FROM " + name) })}
}

func (s *scenarios) userLock() any {
	a, b := s.connect(), s.connect()
	name := "lock_" + s.name
	return []any{a.query("SELECT GET_LOCK(?, 1)", name),
		b.query("SELECT GET_LOCK(?, 0)", name),
		a.query("SELECT RELEASE_LOCK(?)", name),
		b.query("SELECT GET_LOCK(?, 0)", name),
		b.query("SELECT RELEASE_LOCK(?)", name)}
}

func (s *scenarios) multi() any {
	c := s.connect()
	rows, err := c.conn.QueryContext(ctx, "SELECT 1; SELECT 2; SELECT 3")
	check(err)
	defer rows.Close()
	sets := 1
	for rows.NextResultSet() {
		sets++
	}
	check(rows.Close())
	return []any{sets, code(func() { c.exec("DO 1; SELEC 2") }),
		c.query("SELECT 5")}
}

func (s *scenarios) stream() any {
	table := s.table("stream", "a INT")
	c := s.connect()
	values := []string{}
	for n := 0; n < 3000; n++ {
		values = append(values, fmt.Sprint("(", n, ")"))
	}
	c.exec("INSERT INTO " + table + " VALUES " + strings.Join(values, ", "))
	rows, err := c.conn.QueryContext(ctx, "SELECT a FROM "+table)
	check(err)
	total := 0
	for n := 0; rows.Next() && n < 2000; n++ {
		var a int
		check(rows.Scan(&a))
		total += a
	}
	check(rows.Close()) // with rows that nobody read
	return []any{total, c.query("SELECT 1")}
}

func (s *scenarios) load() any {
	table := s.table("load", "a INT, b VARCHAR(20)")
	f, err := os.CreateTemp("", "load")
	check(err)
	defer os.Remove(f.Name())
	for n := 0; n < 2000; n++ {
		fmt.Fprintf(f, "%d\trow %d\n", n, n)
	}
	check(f.Close())
	c := s.connect()
	into := "LOAD DATA LOCAL INFILE '" + f.Name() + "' INTO TABLE "
	return []any{c.exec(into + table),
		c.query("SELECT SUM(a) FROM " + table),
		code(func() { c.exec(into + "not_there") })}
}

func (s *scenarios) pool() any {
	db, err := sql.Open("mysql", s.dsn())
	check(err)
	defer db.Close()
	db.SetMaxOpenConns(6)
	var all sync.WaitGroup
	out := make([]int, 60)
	for i := range out {
		all.Add(1)
		go func() {
			defer all.Done()
			out[i] = -1
			db.QueryRow("SELECT ?", i).Scan(&out[i])
		}()
	}
	all.Wait()
	return out
}

func (s *scenarios) cancel() any {
	c, other := s.connect(), s.connect()
	id := c.query("SELECT CONNECTION_ID()")[0][0]
	seen := make(chan string)
	go func() { seen <- code(func() { c.query("SELECT SLEEP(30)") }) }()
	began := time.Now()
	for other.query("SELECT COUNT(*) FROM information_schema.processlist" +
		" WHERE info = 'SELECT SLEEP(30)'")[0][0] == "0" {
		if time.Since(began) > 10*time.Second {
			panic("the query does not run")
		}
		time.Sleep(10 * time.Millisecond)
	}
	other.exec("KILL QUERY " + id)
	result := <-seen
	if time.Since(began) > 15*time.Second {
		panic("canceled too late")
	}
	return []any{result, c.query("SELECT 1"), other.query("SELECT 2")}
}
