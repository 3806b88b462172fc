package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinport/twinport/test/servers"
)

// sharedStores are a PostgreSQL server, with its own settings but for the
// memory that any machine of production gives it, and how to start S3 servers.
type sharedStores struct {
	life     *lifetime
	postgres *servers.PostgresServer
}

func startSharedStores() (s *sharedStores, err error) {
	s = &sharedStores{life: &lifetime{}}
	err = s.life.do(func(t servers.T) {
		s.postgres = servers.StartPostgres(t, "shared_buffers=1GB", "max_wal_size=4GB", "max_connections=200")
	})
	return s, err
}

func (s *sharedStores) close() { s.life.end() }

func (s *sharedStores) database() (url string, err error) {
	err = s.life.do(func(servers.T) { url = s.postgres.Database() })
	return url, err
}

// program is Twinport on a database, or a new one if it is "", and a bucket of
// an S3 server of its own, with its pulls redirected to the bucket or not. All
// that it is started with share both: several processes are one deployment.
func (s *sharedStores) program(twin program, database string, redirect bool) (_ program, release func(), err error) {
	life := &lifetime{}
	var bucket servers.Bucket
	if err = life.do(func(t servers.T) { bucket = servers.StartS3(t).Bucket() }); err == nil && database == "" {
		database, err = s.database()
	}
	if err != nil {
		life.end()
		return program{}, nil, err
	}
	p := twin
	p.name = onShared
	p.configure = func(dir, addr string) (args, env []string, err error) {
		blobs := fmt.Sprintf("s3://%s/twinport?endpoint=%s&region=%s&path_style=true&redirect=%t", bucket.Name,
			url.QueryEscape(bucket.Endpoint), bucket.Region, redirect)
		if redirect {
			// By another name than the registry's: who would send a login along is not redirected.
			blobs += "&redirect_endpoint=" + url.QueryEscape(strings.Replace(bucket.Endpoint, "127.0.0.1", "localhost", 1))
		}
		args, env, err = configureTwinport(dir, filepath.Join(dir, "data"), addr, fmt.Sprintf("database: %q\nblobs: %q\n",
			database, blobs)+twin.settings)
		return args, append(env, "AWS_ACCESS_KEY_ID="+bucket.AccessKey, "AWS_SECRET_ACCESS_KEY="+bucket.SecretKey), err
	}
	return p, life.end, nil
}

// lifetime is what servers have instead of a test: it ends what was started.
type lifetime struct{ cleanups []func() }

// failure is what a lifetime panics with in place of a test's end.
type failure string

// do runs f, which starts servers or uses them.
func (l *lifetime) do(f func(servers.T)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			why, ok := p.(failure)
			if !ok {
				panic(p)
			}
			err = fmt.Errorf("servers: %s", strings.TrimSpace(string(why)))
		}
	}()
	f(l)
	return nil
}

func (l *lifetime) end() {
	for ; len(l.cleanups) > 0; l.cleanups = l.cleanups[:len(l.cleanups)-1] {
		l.cleanups[len(l.cleanups)-1]()
	}
}

func (l *lifetime) Helper()          {}
func (l *lifetime) Cleanup(f func()) { l.cleanups = append(l.cleanups, f) }
func (l *lifetime) Fatal(args ...any) {
	panic(failure(fmt.Sprintln(args...)))
}
func (l *lifetime) Skip(args ...any) { l.Fatal(args...) }
func (l *lifetime) Errorf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: servers: "+format+"\n", args...)
}
