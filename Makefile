# Everything that one does with Parlor. Settings come from the environment: PORT=8123 STORE=memory make run
SHELL := /bin/sh
.DEFAULT_GOAL := help
# Without the rules that make brings: it would look for ten ways to make each of the sources, 0.4 s at each start.
MAKEFLAGS += --no-print-directory --no-builtin-rules
BIN := node_modules/.bin
# The folders are here too: deleting a file changes its folder only. With `/.`, as `test` and `bench` are also targets.
# What the benchmark writes is no source.
SOURCES := $(shell find engine/. adapters/. api/. bench/. test/. -path bench/./results -prune -o \( -type d -o -name '*.ts' -o -name '*.json' \) -print 2>/dev/null)
# The chat page, which Vite builds on its own; with the client, which is in it.
PAGE := $(shell find api/page/. api/client/. \( -type d -o -name '*.ts' -o -name '*.tsx' -o -name '*.css' -o -name '*.html' -o -name '*.js' \) -print 2>/dev/null)
LINTS := lint-types lint-code lint-format lint-layers lint-unused lint-docs lint-openapi

.PHONY: help
help: hooks ## Show this list (the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: build ## Install, build and start on this machine: one process, no other service, port 8000
	@exec node dist/server/main.js

.PHONY: storages
storages: ## Start RabbitMQ and PostgreSQL in Docker and wait until they are healthy
	@$(COMPOSE); "$$@" up --detach --wait rabbitmq postgres

.PHONY: app
app: ## Build the image and start Parlor, RabbitMQ and PostgreSQL in Docker (docker.env)
	@$(COMPOSE); "$$@" up --detach --build --wait app
	@echo 'Parlor is on http://localhost:8000, its API at http://localhost:8000/api/openapi'

.PHONY: app-local
app-local: build ## Start on this machine with RabbitMQ and PostgreSQL on localhost (local.env; the environment wins)
	@exec node --env-file=local.env dist/server/main.js

.PHONY: cluster
cluster: ## Build the image and start three Parlor behind a proxy, three RabbitMQ and PostgreSQL in Docker
	@$(COMPOSE); "$$@" --profile cluster up --detach --build --wait
	@echo 'Parlor is on http://localhost:8000, its API at http://localhost:8000/api/openapi'

.PHONY: down-all
down-all: ## Stop and remove the containers; what they stored stays
	@$(COMPOSE); "$$@" --profile single --profile cluster down --remove-orphans

.PHONY: test
test: build $(if $(ONLY),,lint) ## Lint and run all tests; ONLY=engine,e2e/seats runs those with this in their path, unlinted
	@exec node dist/test/run.js

.PHONY: chaos
chaos: build ## Three nodes under load, and what may befall them, for DURATION=600 seconds; SEED=1 chooses alike
	@exec node dist/test/e2e/chaos/chaos-main.js

.PHONY: fuzz
fuzz: build ## Random input to every door and file for DURATION=300 seconds; SEED=1 sends the same again
	@exec node dist/test/fuzz/fuzz-main.js

.PHONY: audit
audit: build ## Ask npm what is known against the dependencies; audit-allowed.json names what is accepted, and why
	@exec node dist/test/audit-main.js

.PHONY: bench
bench: build ## Compare Parlor with what people use, in under 10 minutes; ARGS=--help shows what else
	@exec node dist/bench/main.js $(ARGS)

.PHONY: pictures
pictures: build ## Make the pictures of the documentation from the running program, with Chromium
	@exec node dist/test/pictures-main.js

.PHONY: lint
lint: install ## Types, code, format, layers, what nobody uses, and the OpenAPI document
	@$(MAKE) --keep-going --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) $(LINTS)

.PHONY: fmt
fmt: build ## Mend what can be mended: format, code style, what is generated from the settings
	@node dist/test/docs.js
	@$(BIN)/eslint --fix .
	@$(BIN)/prettier --write --log-level=warn .

.PHONY: build
build: dist/.built dist/package/package.json dist/page/index.html ## Compile into dist/, if something has changed

.PHONY: install
install: hooks ## Install the dependencies, if the lockfile has changed
	@cmp -s package-lock.json node_modules/.parlor-lock || { \
	  echo 'Installing the dependencies …'; \
	  output=$$(npm ci --include=dev --no-audit --no-fund 2>&1) || \
	    { printf '%s\n' "$$output" | head -n 40 >&2; echo 'npm ci failed: see above.' >&2; exit 1; }; \
	  cp package-lock.json node_modules/.parlor-lock; }

.PHONY: clean
clean: ## Remove what was built; node_modules stays
	@rm -rf dist .tap

dist/.built: $(SOURCES) api/build.js package.json package-lock.json tsconfig.json | install
	@echo 'Building …'
	@# The time of the start: what is edited meanwhile is built next time.
	@mkdir -p dist && touch dist/.building
	@$(BIN)/tsc --project tsconfig.json
	@# What was compiled from a file that is gone must neither run nor be imported.
	@find dist \( -path dist/page -o -path dist/package -o -path dist/server \) -prune -o -name '*.js' -print | while read -r file; do source=$${file#dist/}; \
	  [ -f "$${source%.js}.ts" ] || rm -f "$$file" "$$file.map"; done
	@node api/build.js
	@# What package.json names as `bin`.
	@chmod +x dist/server/main.js
	@mv dist/.building $@

# The client for npm and for pages, parlor/client and parlor/react.
dist/package/package.json: $(wildcard api/client/* api/client/react/*) package.json package-lock.json | install
	@echo 'Packing the client …'
	@node api/client/build.js

dist/page/index.html: $(PAGE) package.json package-lock.json | install
	@echo 'Building the page …'
	@$(BIN)/vite build api/page --logLevel warn

.PHONY: $(LINTS)
lint-types:
	@$(BIN)/tsc --project tsconfig.json --noEmit --tsBuildInfoFile dist/.lint.tsbuildinfo
	@$(BIN)/tsc --project api/client/tsconfig.json --noEmit
	@$(BIN)/tsc --project api/page/tsconfig.json
lint-code:
	@$(BIN)/eslint --max-warnings=0 .
lint-format:
	@$(BIN)/prettier --check --log-level=warn .
lint-layers:
	@$(BIN)/depcruise --config .dependency-cruiser.cjs --output-type err $(wildcard engine adapters api bench test)
lint-unused:
	@$(BIN)/knip
lint-docs: build
	@node dist/test/docs.js --check
# What it has to say of a document without faults, and of itself, is of no interest.
lint-openapi: build
	@node dist/test/openapi.js > dist/openapi.json
	@output=$$(REDOCLY_SUPPRESS_UPDATE_NOTICE=true $(BIN)/redocly lint dist/openapi.json 2>&1) || \
	  { printf '%s\n' "$$output" >&2; exit 1; }

# The hooks are installed in a checkout of this repository only (not in a copy inside of another one), and never over
# the user's own.
.PHONY: hooks
hooks: node-version
	@[ "$$(git rev-parse --show-toplevel 2>/dev/null)" = "$$(pwd -P)" ] || exit 0; \
	  git config core.hooksPath >/dev/null || git config core.hooksPath .githooks

# In the shell, as a Node that starts only to say its version takes 0.1 s.
.PHONY: node-version
node-version:
	@command -v node >/dev/null || { echo 'Parlor needs Node.js 20.19 or newer, and there is no node on PATH.' >&2; exit 1; }
	@version=$$(node --version); rest=$${version#*.}; major=$${version%%.*}; major=$${major#v}; minor=$${rest%%.*}; \
	  [ "$$major" -gt 20 ] || { [ "$$major" -eq 20 ] && [ "$$minor" -ge 19 ]; } || \
	  { echo "Parlor needs Node.js 20.19 or newer; this one is $$version." >&2; exit 1; }

# Sets "$@" to the command of Docker Compose, which comes as a plugin or as a program of its own.
COMPOSE = if docker compose version >/dev/null 2>&1; then set -- docker compose; \
  elif command -v docker-compose >/dev/null; then set -- docker-compose; \
  else echo 'This needs Docker with Compose. Without it: make run' >&2; exit 1; fi
