# llmfactory. `make demo` and `make check` do everything on a fresh machine; the rest is for those who change it.
#
#   all      build/llmf and the examples          demo   one answer from every family, no key, no network
#   product  llmfactory.h from its parts          check  installs what is missing, then all tests
#   san      unit and engine tests under ASan+UBSan      fuzz   all fuzz targets, FUZZ_SECONDS each (default 600)
#   bench    the bars of speed, as ratios         matrix compilers, standards, options, targets
#   size     bytes per provider and option        fmt, clean, install (PREFIX=/usr/local)
#   models   the models of models.def from the databases in SPECS, which tools/models.txt names

CC ?= cc
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600
SPECS ?= ../shared/specs/models
STRICT = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes
CFLAGS ?= -O2 -g
CURL_LIBS ?= $(shell pkg-config --libs libcurl 2>/dev/null || echo -lcurl)
B = build
PARTS := $(shell find src providers -name '*.h') models.def
EXAMPLES = hello chat frames transport names families

.PHONY: all demo check product models san fuzz bench matrix size fmt clean install deps deps-check

all: $(B)/llmf $(EXAMPLES:%=$(B)/examples/%)

# ---- the product ----

$(B)/amalgamate: tools/amalgamate.c
	@mkdir -p $(B)
	$(CC) -std=c99 $(STRICT) -O1 -o $@ $<

product: $(B)/amalgamate
	$(B)/amalgamate --options models.def src/provider_options.h
	$(B)/amalgamate src/product.h llmfactory.h

models:
	python3 tools/models.py $(SPECS)
	@$(MAKE) -s product

# ---- programs ----

$(B)/llmf: tools/llmf.c $(wildcard tools/llmf/*.h) llmfactory.h | deps
	@mkdir -p $(B)
	$(CC) -std=c99 $(STRICT) $(CFLAGS) -o $@ tools/llmf.c $(CURL_LIBS)

$(B)/examples/%: examples/%.c llmfactory.h | deps
	@mkdir -p $(B)/examples
	$(CC) -std=c99 -Wall -Wextra $(CFLAGS) -I. -o $@ $< $(CURL_LIBS)

$(B)/loopback: $(wildcard tests/loopback/*.[ch]) | deps-check
	@mkdir -p $(B)
	$(CC) -std=c99 $(STRICT) -D_GNU_SOURCE -O2 -g -DLOOPBACK_TLS -o $@ tests/loopback/loopback.c -lssl -lcrypto

$(B)/loopback-plain: $(wildcard tests/loopback/*.[ch])
	@mkdir -p $(B)
	$(CC) -std=c99 $(STRICT) -D_GNU_SOURCE -O2 -g -o $@ tests/loopback/loopback.c

# ---- what people run ----

# What a build needs: a C compiler and libcurl. Tried by compiling, installed by the system's package manager if it fails.
deps:
	@CC="$(CC)" sh tools/deps.sh build

deps-check:
	@CC="$(CC)" sh tools/deps.sh check

demo: $(B)/examples/families $(B)/loopback-plain
	@sh tests/demo.sh

check: deps-check
	@CC="$(CC)" sh tests/run.sh

san: deps-check
	@CC="$(CC)" sh tests/run.sh san

fuzz: deps-check
	@FUZZ_SECONDS=$(FUZZ_SECONDS) sh tests/run.sh fuzz

bench: deps-check $(B)/loopback
	@CC="$(CC)" sh tests/bench/bench.sh

matrix: deps-check
	@sh tests/matrix.sh
	@sh tests/targets.sh

size: deps-check
	@CC="$(CC)" sh tests/size.sh

fmt:
	clang-format -i $$(git ls-files '*.c' '*.h' | grep -v '^llmfactory.h$$')

clean:
	rm -rf $(B)

install: $(B)/llmf
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/bin
	install -m 644 llmfactory.h $(DESTDIR)$(PREFIX)/include/llmfactory.h
	install -m 755 $(B)/llmf $(DESTDIR)$(PREFIX)/bin/llmf
