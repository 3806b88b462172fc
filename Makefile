# Everything a developer needs; `make` alone lists it. Only Go, git and make
# are assumed, and Node for the console: what the tests need beyond that,
# `make tools` installs or says in one line that it is left out, and why.

GO        ?= go
FUZZTIME  ?= 20s
BENCHARGS ?=
TESTARGS  ?=

TORTURE_TIME ?= 5m
ATTACK_TIME  ?= 30s

# Versions of the Go programs that the tests drive. Each is installed in a
# folder of its own, so that a change of version installs anew.
TOOLS_DIR := $(CURDIR)/.cache/tools
TOOLS := \
	honnef.co/go/tools/cmd/staticcheck@v0.8.2 \
	gotest.tools/gotestsum@v1.13.0 \
	github.com/google/go-containerregistry/cmd/crane@v0.22.1 \
	oras.land/oras/cmd/oras@v1.3.6 \
	github.com/regclient/regclient/cmd/regctl@v0.11.7 \
	github.com/regclient/regclient/cmd/regsync@v0.11.7 \
	github.com/versity/versitygw/cmd/versitygw@v1.8.0 \
	github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1 \
	github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv@v2.10.1 \
	github.com/compose-spec/compose-go/v2/cmd@v2.16.2 \
	github.com/awslabs/amazon-ecr-credential-helper/ecr-login/cli/docker-credential-ecr-login@v0.12.0 \
	github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111

# Those of make clients.
CLIENTS := \
	helm.sh/helm/v4/cmd/helm@v4.3.1 \
	github.com/google/ko@v0.19.1 \
	github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3 \
	github.com/moby/buildkit/cmd/buildkitd@v0.34.2 \
	github.com/moby/buildkit/cmd/buildctl@v0.34.2 \
	k8s.io/cloud-provider-aws/cmd/ecr-credential-provider@v1.37.1

STATICCHECK = $(wildcard $(TOOLS_DIR)/staticcheck@*/staticcheck)
GOTESTSUM   = $(wildcard $(TOOLS_DIR)/gotestsum@*/gotestsum)

# The race detector needs a C compiler.
RACE = $(if $(shell command -v gcc cc 2>/dev/null),-race)

# It leaves out SQLite, which would take most of the time: its Go code is translated
# from C, and has tests of its own. Tests that build the program use the flag, too.
gotest webtest unit: export GOFLAGS += $(if $(RACE),'-gcflags=modernc.org/sqlite/lib=-race=false')

# All else is compiled as it is released, and so once: the image, the benchmark and
# the README's quick start are, too.
lint wholetest sharedtest benchtest torture: export CGO_ENABLED = 0
lint wholetest sharedtest benchtest torture: export GOFLAGS += -trimpath

# Why this machine's Node cannot build the console; empty if it can.
NO_NODE = $(shell test/node.sh)
NPM     = $(if $(NO_NODE),$(error the console $(NO_NODE)),npm)

# npm writes this file last.
WEB_MODULES := web/node_modules/.package-lock.json

# What need not run again on PostgreSQL and S3: whole-program tests whose subject
# is the command line, a document, or a client that another one stands for.
EMBEDDED := ^Test(ACME|Architecture|AWSCommandLine|BadConfiguration|Balancer|Boto3|CDKAssets|Compose|Contributing|Credential|Demo|DeployNames|DockerCrossAccount|FormsOfURIs|Image$$|Init|JavaScriptSDK|Kubernetes|MakeHelp|Readme|Serve|Systemd|Terraform|TLS|TestingDocument|Unmodified|UserGuideCommands|Version)

.DEFAULT_GOAL := help
.PHONY: help build image demo web check test unit webtest clients screenshots torture lint fuzz bench generate tools clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

build: ## build ./twinport, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -o twinport ./cmd/twinport

image: ## build the container image for amd64 and arm64, with its bill of materials, into dist/
	$(GO) run ./deploy/image

demo: ## push in one account, pull in the other, on this machine
	$(GO) run ./cmd/twinport demo

# Its build is committed, and is the same from the same sources: who only builds
# Twinport needs no Node.
web: $(WEB_MODULES) ## build the console (web/) into internal/console/dist, which is committed
	cd web && $(NPM) run --silent build -- --logLevel error

$(WEB_MODULES): web/package-lock.json
	cd web && $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel error

# The recursive calls see what `tools` has installed. Targets that run side by side
# wait for other programs most of the time. The console's tests run when all of Go
# is compiled; the benchmark's run alone, as they add network interfaces, and a browser
# gives up what it is loading when the machine's network changes.
test: tools ## everything: lint, unit, fuzz seeds, conformance, real clients and a real browser, with the race detector
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory -j2 wholetest gotest
	@$(MAKE) --no-print-directory -j2 sharedtest $(if $(NO_NODE),,webtest)
	@$(MAKE) --no-print-directory benchtest

# The whole program's tests that need no other program and little time. What waits
# for PostgreSQL, S3, Docker or a browser is in `test` only.
CHECKED := ^Test(Architecture|BackupRefusals|BadConfiguration|Contributing|DeleteAsOCI|Environment|House|Imports|Init|MakeHelp|Serve|Version)

check: ## the inner loop: lint, the tests that need no server of others, the console's parts; part of test
	@$(MAKE) --no-print-directory lint
	$(GO) test -vet=off $$($(GO) list ./... | grep -v -e '/test$$' -e '/test/' -e '/internal/metadata$$' -e '/internal/registry$$' -e '/internal/jobs$$' -e '/internal/migrate$$' -e '/s3store$$' -e '/bench$$')
	$(GO) test -vet=off -run "^($$(sed -n 's/^func \(Test[A-Za-z0-9]*\)(.*/\1/p' internal/metadata/sqlite_*_test.go internal/metadata/landed_test.go | paste -sd'|'))$$" ./internal/metadata
	$(GO) test -vet=off ./internal/registry
	$(GO) test -vet=off -count=1 -run '$(CHECKED)' ./test
	$(if $(NO_NODE),,cd web && $(NPM) test --silent)

# The whole program runs with the race detector on PostgreSQL and S3 (sharedtest),
# and here as it is released. So do the stores of layers: they move megabytes, and
# the detector looks at each byte. (Their results are not cached: the program that
# they test is none of their packages.) The detector is in the programs that are
# tested, not in their tests; and in the packages' tests once: on PostgreSQL those of
# internal/metadata have it, those of internal/registry do without.
RELEASED := ./test ./test/attack ./internal/blob/filestore ./internal/blob/s3store
.PHONY: gotest wholetest sharedtest benchtest
gotest:
	$(or $(GOTESTSUM),$(error run make tools first)) --format standard-quiet -- -vet=off $(RACE) -timeout 40m -parallel 4 $(TESTARGS) $$($(GO) list ./... | grep -vxF "$$($(GO) list ./bench $(RELEASED))")

wholetest:
	$(or $(GOTESTSUM),$(error run make tools first)) --format standard-quiet -- -vet=off -count=1 -timeout 40m -parallel 3 $(TESTARGS) $(RELEASED)

# Without the race detector, with which a short run of the benchmark takes minutes.
benchtest:
	$(or $(GOTESTSUM),$(error run make tools first)) --format standard-quiet -- -vet=off -count=1 $(TESTARGS) ./bench

sharedtest:
	TEST_STORES=shared RACE=$(RACE) $(or $(GOTESTSUM),$(error run make tools first)) --format standard-quiet -- -vet=off -count=1 -timeout 40m -parallel 5 -skip '$(EMBEDDED)' $(TESTARGS) ./internal/registry ./test ./test/attack

# TEST_RACES is how often a push meets the sweep of what it pushes, TEST_KILLS how
# often a backup and a restore are killed.
torture: ## everything at once under faults of all kinds, for TORTURE_TIME (5m), and attacks of ATTACK_TIME (30s); TORTURE_SEED repeats a run
	ATTACK_TIME=$(ATTACK_TIME) $(GO) test -v -count=1 -timeout 30m -parallel 1 ./test/attack
	ATTACK_TIME=$(ATTACK_TIME) TEST_STORES=shared $(GO) test -v -count=1 -timeout 30m -parallel 1 ./test/attack
	TEST_RACES=10000 $(GO) test -count=1 -timeout 30m -run 'Meets|PagesOf' -v ./internal/registry
	TEST_STORES=shared TEST_RACES=10000 $(GO) test -count=1 -timeout 30m -run 'Meets|PagesOf' -v ./internal/registry
	TEST_KILLS=100 $(GO) test -count=1 -timeout 30m -run '^TestLinksAndCopiesKilled$$' -v ./test
	RACE=$(RACE) TORTURE_TIME=$(TORTURE_TIME) TORTURE_SEED=$(TORTURE_SEED) $(GO) test -v -count=1 -timeout 0 -run '^TestTorture$$' ./test

unit: ## the tests of the packages alone, without whole-program tests
	$(GO) test $(RACE) $$($(GO) list ./... | grep -v -e '/test$$' -e '/test/attack$$' -e '/bench$$')

webtest: $(WEB_MODULES) ## the console: its parts, that its build is committed, and all of it in Chromium
	cd web && $(NPM) test --silent
	@built=$$(mktemp -d); trap 'rm -rf "$$built"' EXIT; \
	(cd web && $(NPM) run --silent build -- --logLevel error --outDir "$$built/dist") && \
	diff -rq "$$built/dist" internal/console/dist || { echo "internal/console/dist is not what web/ builds: run make web and commit it"; exit 1; }
	cd web && GO='$(GO)' RACE='$(RACE)' $(NPM) run --silent e2e

clients: tools ## test with clients that take minutes to install: helm, ko, cosign, BuildKit, buildah, containerd, the kubelet's provider
	@MORE=buildah GO='$(GO)' test/tools.sh '$(TOOLS_DIR)' $(CLIENTS)
	$(GO) test -count=1 -v -run '^Test(BuildKit|Buildah|Containerd|Cosign|Helm|Ko|UnmodifiedAWSTools)$$' ./test

# The pictures have few colours, which pngquant makes use of; Japanese needs a
# font, such as Debian's fonts-noto-cjk.
screenshots: $(WEB_MODULES) ## picture the console's pages for docs/images
	cd web && SCREENSHOTS='$(CURDIR)/docs/images' $(NPM) run --silent e2e screenshots
	pngquant --force --skip-if-larger --strip --ext .png docs/images/*.png

lint: $(if $(NO_NODE),,$(WEB_MODULES)) ## gofmt, go vet, staticcheck, and the console's types, Prettier and ESLint
	@unformatted=$$(gofmt -l bench cmd deploy ecrtest internal test); if [ -n "$$unformatted" ]; then echo "gofmt would change:" $$unformatted; exit 1; fi
	$(GO) vet ./...
	$(or $(STATICCHECK),$(error run make tools first)) ./...
	$(if $(NO_NODE),,cd web && $(NPM) run --silent check)

# Go before 1.27 may report the end of the time itself as a failure, in this one
# line (go.dev/issue/75804); a real failure comes with the input that it wrote.
fuzz: ## fuzz every parser, FUZZTIME (20s) each
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	for file in $$(grep -rl --include='*_test.go' '^func Fuzz' .); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file); do \
			echo "fuzz $$name in $$(dirname $$file)"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$(dirname $$file) >"$$log" 2>&1 && failed= || failed=yes; \
			cat "$$log"; \
			[ -z "$$failed" ] || grep -qx '    context deadline exceeded' "$$log" && ! grep -q 'Failing input' "$$log" || exit 1; \
		done; \
	done

bench: ## measure Twinport and CNCF distribution side by side (BENCHARGS for flags)
	$(GO) run ./bench $(BENCHARGS)

generate: ## generate the ECR shapes again from AWS's published model
	$(GO) generate ./...

tools: ## install what the tests drive: Debian packages (as root), Go programs and npm packages (.cache/tools)
	@GO='$(GO)' test/tools.sh '$(TOOLS_DIR)' $(TOOLS)

clean: ## remove what make has built and installed here
	rm -rf .cache dist twinport web/node_modules
