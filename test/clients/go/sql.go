package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"
)

// sqlDriver is database/sql over pgx or lib/pq; each text is prepared once on
// each connection.
type sqlDriver struct {
	name string
}

func (d sqlDriver) version() string {
	if d.name == "pgx" {
		return moduleVersion("github.com/jackc/pgx/v5")
	}
	return moduleVersion("github.com/lib/pq")
}

func address(startup map[string]string) string {
	u, err := url.Parse(os.Getenv("DATABASE_URL"))
	check(err)
	q := u.Query()
	for name, text := range startup {
		q.Set(name, text)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func (d sqlDriver) connect(startup map[string]string) (conn, error) {
	db, err := sql.Open(d.name, address(startup))
	if err != nil {
		return nil, err
	}
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &sqlConn{db: db, c: c, cache: map[string]*sql.Stmt{}}, nil
}

func (d sqlDriver) code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	var p *pq.Error
	if errors.As(err, &p) {
		return string(p.Code)
	}
	return err.Error()
}

func (d sqlDriver) pool() any {
	db, err := sql.Open(d.name, address(nil))
	check(err)
	defer db.Close()
	db.SetMaxOpenConns(6)
	// It is prepared anew on each connection that it meets.
	statement, err := db.Prepare("SELECT $1::int")
	check(err)
	together(60, func(i int) any {
		var n int
		check(statement.QueryRow(i).Scan(&n))
		if n != i {
			panic("another's answer")
		}
		tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		check(err)
		check(tx.Stmt(statement).QueryRow(i).Scan(&n))
		check(tx.Commit())
		if n != i {
			panic("another's answer")
		}
		return nil
	})
	check(statement.Close())
	return 60
}

type sqlConn struct {
	db       *sql.DB
	c        *sql.Conn
	tx       *sql.Tx
	cache    map[string]*sql.Stmt
	listener *pq.Listener
}

func (c *sqlConn) query(text string, args ...any) ([][]string, error) {
	statement := c.cache[text]
	if statement == nil {
		var err error
		statement, err = c.c.PrepareContext(ctx, text)
		if err != nil {
			return nil, err
		}
		c.cache[text] = statement
	}
	if c.tx != nil {
		statement = c.tx.StmtContext(ctx, statement)
	}
	rows, err := statement.Query(args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out [][]string
	for rows.Next() {
		values := make([]any, len(columns))
		at := make([]any, len(columns))
		for i := range values {
			at[i] = &values[i]
		}
		if err := rows.Scan(at...); err != nil {
			return nil, err
		}
		var row []string
		for _, v := range values {
			if bytes, ok := v.([]byte); ok {
				v = string(bytes)
			}
			row = append(row, fmt.Sprint(v))
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

func (c *sqlConn) run(text string) error {
	var err error
	if c.tx != nil {
		_, err = c.tx.Exec(text)
	} else {
		_, err = c.c.ExecContext(ctx, text)
	}
	return err
}

func (c *sqlConn) begin() (err error) {
	c.tx, err = c.c.BeginTx(ctx, nil)
	return err
}

func (c *sqlConn) commit() error {
	defer func() { c.tx = nil }()
	return c.tx.Commit()
}

func (c *sqlConn) rollback() error {
	defer func() { c.tx = nil }()
	return c.tx.Rollback()
}

func (c *sqlConn) close() error {
	if c.listener != nil {
		c.listener.Close()
		c.listener = nil
	}
	c.c.Close()
	return c.db.Close()
}

// lib/pq listens on a connection of its own.
func (c *sqlConn) listen(channel string) error {
	if c.listener == nil {
		c.listener = pq.NewListener(address(nil), time.Second, time.Second,
			nil)
	}
	return c.listener.Listen(channel)
}

func (c *sqlConn) unlisten(channel string) error {
	return c.listener.Unlisten(channel)
}

func (c *sqlConn) notifications(n int) ([]string, error) {
	out := []string{}
	limit, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for range n {
		select {
		case note := <-c.listener.Notify:
			out = append(out, note.Extra)
		case <-limit.Done():
			return nil, fmt.Errorf("heard only %v", out)
		}
	}
	return out, nil
}
