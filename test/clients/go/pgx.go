package main

import (
	"bytes"
	"context"
	driversql "database/sql/driver"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

var ctx = context.Background()

// version tells a module's version as it was built in.
func moduleVersion(paths ...string) string {
	info, _ := debug.ReadBuildInfo()
	var out []string
	for _, path := range paths {
		for _, module := range info.Deps {
			if module.Path == path {
				out = append(out, strings.TrimPrefix(path, "github.com/")+
					" "+module.Version)
			}
		}
	}
	return strings.Join(out, ", ")
}

// pgxDriver is pgx itself, with its cache of prepared statements, or with its
// cache of descriptions alone.
type pgxDriver struct {
	describe bool
}

func (d pgxDriver) version() string {
	return moduleVersion("github.com/jackc/pgx/v5")
}

func (d pgxDriver) connect(startup map[string]string) (conn, error) {
	config, err := pgx.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return nil, err
	}
	for name, text := range startup {
		config.RuntimeParams[name] = text
	}
	if d.describe {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &pgxConn{Conn: c}, nil
}

func (d pgxDriver) code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return err.Error()
}

// pool runs 60 jobs on the driver's own pool of 6 connections.
func (d pgxDriver) pool() any {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	check(err)
	config.MaxConns = 6
	pool, err := pgxpool.NewWithConfig(ctx, config)
	check(err)
	defer pool.Close()
	together(60, func(i int) any {
		var n int
		check(pool.QueryRow(ctx, "SELECT $1::int", i).Scan(&n))
		if n != i {
			panic("another's answer")
		}
		check(pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, "SELECT $1::int + 1", i).Scan(&n)
		}))
		if n != i+1 {
			panic("another's answer")
		}
		return nil
	})
	return 60
}

type pgxConn struct {
	*pgx.Conn
	tx pgx.Tx
}

func (c *pgxConn) query(text string, args ...any) ([][]string, error) {
	rows, err := c.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]string
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return nil, err
		}
		var row []string
		for _, v := range values {
			row = append(row, asText(v))
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// asText is a value as the other drivers show it.
func asText(v any) string {
	if valuer, ok := v.(driversql.Valuer); ok {
		plain, err := valuer.Value()
		check(err)
		return fmt.Sprint(plain)
	}
	return fmt.Sprint(v)
}

func (c *pgxConn) run(text string) error {
	_, err := c.Exec(ctx, text)
	return err
}

func (c *pgxConn) begin() (err error) {
	c.tx, err = c.Begin(ctx)
	return err
}

func (c *pgxConn) commit() error {
	return c.tx.Commit(ctx)
}

func (c *pgxConn) rollback() error {
	return c.tx.Rollback(ctx)
}

func (c *pgxConn) close() error {
	return c.Close(ctx)
}

func (c *pgxConn) pipeline(text string, args [][]any) ([]string, error) {
	batch := &pgx.Batch{}
	for _, a := range args {
		batch.Queue(text, a...)
	}
	results := c.SendBatch(ctx, batch)
	var out []string
	for range args {
		var n int
		if err := results.QueryRow().Scan(&n); err != nil {
			results.Close()
			return nil, err
		}
		out = append(out, fmt.Sprint(n))
	}
	return out, results.Close()
}

func (c *pgxConn) copyIn(table string, rows [][]any) error {
	_, err := c.CopyFrom(ctx, pgx.Identifier{table}, []string{"a", "b"},
		pgx.CopyFromRows(rows))
	return err
}

func (c *pgxConn) copyText(sql, data string) error {
	_, err := c.PgConn().CopyFrom(ctx, strings.NewReader(data), sql)
	return err
}

func (c *pgxConn) copyOut(query string) (string, error) {
	var out bytes.Buffer
	_, err := c.PgConn().CopyTo(ctx, &out, "COPY ("+query+") TO STDOUT")
	return out.String(), err
}

func (c *pgxConn) listen(channel string) error {
	return c.run("LISTEN " + channel)
}

func (c *pgxConn) unlisten(channel string) error {
	return c.run("UNLISTEN " + channel)
}

func (c *pgxConn) notifications(n int) ([]string, error) {
	out := []string{}
	for range n {
		note, err := c.WaitForNotification(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, note.Payload)
	}
	return out, nil
}

func (c *pgxConn) cancel() error {
	return c.PgConn().CancelRequest(ctx)
}
