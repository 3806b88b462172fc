package server

import "os"

// setEnvironment sets variables of the process and returns what undoes it. The
// AWS SDK and pgx find credentials by the environment of their process, at any
// time later too, and take none that is given to them.
func setEnvironment(values map[string]string) (restore func()) {
	before := map[string]*string{}
	for name, value := range values {
		before[name] = nil
		if old, set := os.LookupEnv(name); set {
			before[name] = &old
		}
		_ = os.Setenv(name, value) // fails only for names that Check refuses
	}
	return func() {
		for name, old := range before {
			if old == nil {
				_ = os.Unsetenv(name)
			} else {
				_ = os.Setenv(name, *old)
			}
		}
	}
}
