package config

import (
	"fmt"
	"strings"
)

// didYouMean names the one of known that unknown was probably meant to be, as
// an addition to a sentence; or it is empty.
func didYouMean(unknown string, known []string) string {
	const near = 2
	best, distance := "", near+1
	// A long name is no typing error, and would take time.
	if len(unknown) > 64 {
		return ""
	}
	for _, name := range known {
		if d := editDistance(strings.ToLower(unknown), strings.ToLower(name)); d < distance && d < len(name) {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// editDistance counts the bytes to insert, delete or replace to get from a to b
// (Levenshtein's distance).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
