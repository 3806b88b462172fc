// Command hello prints the file /message: the program in the images that the
// tests push and run.
package main

import (
	"fmt"
	"os"
)

func main() {
	message, err := os.ReadFile("/message")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(message)
}
