package policy

import (
	"bytes"
	"encoding/json"
)

// Grant returns the statement that allows an account the actions on a
// resource, as indented JSON to put into a policy's Statement. Its principal
// is the account's root, which stands for the whole account. An empty sid or
// resource is left out.
func Grant(sid, account string, actions []string, resource string) string {
	type principal struct {
		AWS string
	}
	statement := struct {
		Sid       string `json:",omitempty"`
		Effect    Effect
		Principal principal
		Action    []string
		Resource  string `json:",omitempty"`
	}{sid, Allow, principal{rootARN(account)}, actions, resource}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(statement) // strings always encode
	return string(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
}
