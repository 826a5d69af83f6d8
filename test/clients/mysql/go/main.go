// A Go driver of MySQL runs scenarios: see ../../my_matrix.py.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// answer runs one scenario and says how it went; true when well.
func answer(s *scenarios, name string) (good bool) {
	defer func() {
		if e := recover(); e != nil {
			if os.Getenv("TRACE") != "" {
				panic(e)
			}
			fmt.Println("failed", name,
				strings.Join(strings.Fields(fmt.Sprint(e)), " "))
		}
	}()
	defer s.close()
	seen, err := json.Marshal(s.run(name))
	check(err)
	fmt.Println("ok", name, string(seen))
	return true
}

func main() {
	good := true
	s := newScenarios(os.Args[1])
	if len(os.Args) > 2 {
		for _, name := range os.Args[2:] {
			good = answer(s, name) && good
		}
	} else {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			good = answer(s, strings.TrimSpace(lines.Text())) && good
		}
	}
	if !good {
		os.Exit(1)
	}
}
