package registry

import "testing"

func TestKeepsLogin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		asked, to string
		want      bool
	}{
		{"localhost:8080", "localhost:9000", true},
		{"registry.example.com", "registry.example.com:9000", true},
		{"Registry.example.com.", "s3.REGISTRY.example.com", true},
		{"example.com:8080", "bucket.s3.example.com", true},
		{"127.0.0.1:8080", "127.0.0.1:9000", true},
		{"[::1]:8080", "[::1]:9000", true},
		{"registry.example.com", "s3.example.com", false},
		{"example.com", "notexample.com", false},
		{"localhost:8080", "127.0.0.1:9000", false},
		{"111122223333.dkr.ecr.us-east-1.localhost:8080", "localhost:9000", false},
		{"0.0.1", "127.0.0.1", false},
		{"", "s3.example.com", false},
	} {
		if got := KeepsLogin(c.asked, c.to); got != c.want {
			t.Errorf("from %s to %s: %t", c.asked, c.to, got)
		}
	}
}
