package s3store

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for raw, want := range map[string]Location{
		"s3://bucket": {bucket: "bucket", redirect: true, redirectLifetime: 20 * time.Minute},
		"s3://bucket/?region=eu-central-1": {
			bucket: "bucket", region: "eu-central-1", redirect: true, redirectLifetime: 20 * time.Minute,
		},
		"s3://a.b-c/x/y/?endpoint=http://127.0.0.1:9000&path_style=true&redirect=false": {
			bucket: "a.b-c", prefix: "x/y/", endpoint: "http://127.0.0.1:9000", pathStyle: true,
			redirectLifetime: 20 * time.Minute},
		"s3://bucket/x?sse=aws:kms&kms_key=arn:aws:kms:eu-central-1:111122223333:key/abc&redirect_endpoint=https://s3.example.com&redirect_lifetime=1h": {
			bucket: "bucket", prefix: "x/", sse: "aws:kms", kmsKey: "arn:aws:kms:eu-central-1:111122223333:key/abc",
			redirect: true, redirectEndpoint: "https://s3.example.com", redirectLifetime: time.Hour},
		"s3://bucket?sse=AES256&endpoint=https%3A%2F%2F[::1]:9000/&redirect=true&redirect_lifetime=168h": {
			bucket: "bucket", sse: "AES256", endpoint: "https://[::1]:9000", redirect: true, redirectLifetime: 168 * time.Hour},
	} {
		got, err := Parse(raw)
		if err != nil || *got != want {
			t.Errorf("%s: %+v, %v; want %+v", raw, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for raw, hint := range map[string]string{
		"":                                    "s3://bucket/prefix",
		"bucket":                              "s3://bucket/prefix",
		"http://bucket/x":                     "s3://bucket/prefix",
		"s3:bucket":                           "s3://bucket/prefix",
		"s3://":                               "name of a bucket",
		"s3://Bucket":                         "name of a bucket",
		"s3://b_b":                            "name of a bucket",
		"s3://bucket:80":                      "name of a bucket",
		"s3://%zz":                            "no URL",
		"s3://bucket/a//b":                    "no prefix",
		"s3://bucket/../b":                    "no prefix",
		"s3://bucket/a b":                     "no prefix",
		"s3://bucket/ü":                       "no prefix",
		"s3://bucket#x":                       `"#"`,
		"s3://id:s3cr3t@bucket":               "credentials",
		"s3://bucket?Endpoint=x":              `no parameter "Endpoint": there are endpoint, region, path_style, sse, kms_key, redirect, redirect_endpoint, redirect_lifetime`,
		"s3://bucket?region=a&region=b":       "twice",
		"s3://bucket?region=":                 "no value",
		"s3://bucket?region=EU":               "eu-central-1",
		"s3://bucket?a;b":                     "name=value",
		"s3://bucket?endpoint=127.0.0.1:9000": "http://host:port",
		"s3://bucket?endpoint=ftp://x":        "http://host:port",
		"s3://bucket?endpoint=http://x/y":     "http://host:port",
		"s3://bucket?endpoint=http://id:s3cr3t@x":                "http://host:port",
		"s3://bucket?path_style=yes":                             "true or false",
		"s3://bucket?sse=aes":                                    "AES256 or aws:kms",
		"s3://bucket?kms_key=x":                                  "sse=aws:kms",
		"s3://bucket?sse=AES256&kms_key=x":                       "sse=aws:kms",
		"s3://bucket?redirect=0":                                 "true or false",
		"s3://bucket?redirect=false&redirect_lifetime=20m":       "redirect=false",
		"s3://bucket?redirect=false&redirect_endpoint=https://x": "redirect=false",
		"s3://bucket?redirect_lifetime=20":                       "20m",
		"s3://bucket?redirect_lifetime=59s":                      "between 1m and 168h",
		"s3://bucket?redirect_lifetime=169h":                     "between 1m and 168h",
		"s3://bucket?redirect_lifetime=61.5s":                    "whole seconds",
		"s3://bucket?redirect_endpoint=x":                        "redirect_endpoint must look like",
	} {
		if l, err := Parse(raw); err == nil {
			t.Errorf("%s: %+v", raw, l)
		} else if !strings.Contains(err.Error(), hint) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %q, want %q in it", raw, err, hint)
		}
	}
}

func TestLocationForLogs(t *testing.T) {
	for raw, want := range map[string]string{
		"s3://bucket/a/b/?region=x": "s3://bucket/a/b", "s3://bucket?sse=AES256": "s3://bucket",
	} {
		l, err := Parse(raw)
		if err != nil || fmt.Sprint(l) != want {
			t.Errorf("%s: %v, %v", raw, l, err)
		}
	}
}
