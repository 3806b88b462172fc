package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems bounds how many problems are reported.
const maxProblems = 100

// Error is a configuration that is not valid. Its text has a line for each
// problem.
type Error struct {
	// Problems are sorted: those of the file by line, then those of variables.
	// At most the first 100 that were found are kept.
	Problems []Problem
}

// Problem is one thing that is wrong, and what is allowed in its place. It
// never shows a secret.
type Problem struct {
	// Source is the file's path or the variable's name.
	Source string
	// Line counts from 1, in the file or in the variable's text; 0 if the
	// problem has no line, as when something is missing.
	Line    int
	Message string

	variable bool
}

func (p Problem) String() string {
	switch {
	case p.Source == "":
		return p.Message
	case p.Line == 0:
		return p.Source + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.Source, p.Line, p.Message)
}

func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString("the configuration is not valid:")
	for _, p := range e.Problems {
		text.WriteString("\n  ")
		text.WriteString(p.String())
	}
	return text.String()
}

// problems collects what is wrong while reading goes on.
type problems struct{ list []Problem }

func (ps *problems) add(p Problem) {
	if len(ps.list) < maxProblems {
		ps.list = append(ps.list, p)
	}
}

// err returns the sorted problems as an *Error, or nil if there are none.
func (ps *problems) err() error {
	if len(ps.list) == 0 {
		return nil
	}
	slices.SortStableFunc(ps.list, func(a, b Problem) int {
		if a.variable != b.variable {
			if a.variable {
				return 1
			}
			return -1
		}
		return cmp.Or(strings.Compare(a.Source, b.Source), cmp.Compare(a.Line, b.Line))
	})
	return &Error{Problems: ps.list}
}
