# llmfactory. `make demo` and `make check` do everything on a fresh machine; the rest is for those who change it.
#
#   all      build/llmf and the examples          demo   one answer from every family, no key, no network
#   game     examples/game, which needs SDL2         apps   examples/minutes, ask-docs, compare, synth
#   product  llmfactory.h from its parts          check  installs what is missing, then all tests
#   san      unit and engine tests under ASan+UBSan      fuzz   all fuzz targets, FUZZ_SECONDS each (default 600)
#   bench    the bars of speed, as ratios         matrix compilers, standards, options, targets
#   sim      policies against providers that fail, in virtual time: SIM='--help', SIM='--script a:dead@60-120'
#   size     bytes per provider and option        fmt, clean, install (PREFIX=/usr/local)
#   device   a microcontroller's image for QEMU: build/device.elf; DEVICE_WITH="OPENAI" for fewer providers
#   minimal  a static client of less than 200 KiB, TLS and all: build/minimal; MINIMAL_WITH="OPENAI GROQ" for other providers
#   schema   docs/config.schema.json, from the table of keys
#   tokens   the tables that tokens are counted with, from Python's Unicode data and, where RANKS has the rank files, tests/data/tokens.txt
#   models   the models of models.def from the databases in SPECS, which tools/models.txt names

CC ?= cc
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600
SPECS ?= ../shared/specs/models
RANKS ?= ../shared/corpora/tiktoken
ARM ?= arm-none-eabi-
DEVICE ?= $(B)/device.elf
DEVICE_WITH ?= ANTHROPIC OPENAI
DEVICE_FLAGS ?=
MUSL ?= musl-gcc
MINIMAL_WITH ?= ANTHROPIC OPENAI
MINIMAL_FLAGS ?=
STRICT = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wstrict-prototypes
CFLAGS ?= -O2 -g
EXAMPLE_CFLAGS ?= -g
CURL_LIBS ?= $(shell pkg-config --libs libcurl 2>/dev/null || echo -lcurl)
B = build
PARTS := $(shell find src providers -name '*.h') models.def
EXAMPLES = hello chat frames transport names families tools batch long $(patsubst examples/%.c,%,$(sort $(wildcard examples/teaching/*.c)))
# Those that need more than libcurl, where it is there.
UV_LIBS := $(shell pkg-config --libs libuv 2>/dev/null)
SDL_LIBS := $(shell pkg-config --libs sdl2 2>/dev/null)
EXAMPLES += $(if $(shell command -v $(CXX)),cpp) $(if $(filter Linux,$(shell uname -s)),epoll metrics) $(if $(UV_LIBS),libuv) $(if $(SDL_LIBS),game/game)

.PHONY: all apps game demo check product schema models tokens san fuzz bench sim matrix size device minimal fmt clean install deps deps-check deps-device deps-minimal

all: $(B)/llmf $(EXAMPLES:%=$(B)/examples/%) $(if $(filter-out Windows_NT,$(OS)),apps) $(B)/examples/plugin/host $(B)/plugins/acme.so

# ---- the product ----

$(B)/amalgamate: tools/amalgamate.c
	@mkdir -p $(B)
	$(CC) -std=c99 $(STRICT) -O1 -o $@ $<

product: $(B)/amalgamate
	$(B)/amalgamate --options models.def src/provider_options.h
	$(B)/amalgamate src/product.h llmfactory.h

schema: $(B)/schema
	$(B)/schema docs/config.schema.json

$(B)/schema: tools/schema.c llmfactory.h
	@mkdir -p $(B)
	$(CC) -std=c99 $(STRICT) -O0 -o $@ $<

models:
	python3 tools/models.py $(SPECS)
	@$(MAKE) -s product

tokens: $(B)/estimate
	python3 tools/unicode.py
	$(B)/estimate $(RANKS)/cl100k_base.tiktoken $(RANKS)/o200k_base.tiktoken tests/data/tokens.txt src/base/bpe_weights.h
	@$(MAKE) -s product

$(B)/estimate: tools/estimate.c llmfactory.h
	@mkdir -p $(B)
	$(CC) -std=c99 $(STRICT) -O1 -o $@ $< -lm

# ---- programs ----

$(B)/llmf: tools/llmf.c $(wildcard tools/llmf/*.h) llmfactory.h | deps
	@mkdir -p $(B)
	$(CC) -std=c99 $(STRICT) $(CFLAGS) -o $@ tools/llmf.c $(CURL_LIBS)

# Each holds the whole library, so that it shows all there is to do: unoptimised they are built in a third of the time.
$(B)/examples/%: examples/%.c llmfactory.h | deps
	@mkdir -p $(@D)
	$(CC) -std=c99 -Wall -Wextra $(EXAMPLE_CFLAGS) -I. -o $@ $< $(CURL_LIBS) $(LIBS)

$(B)/plugins/%.so: examples/plugin/%.c llmfactory.h
	@mkdir -p $(@D)
	$(CC) -std=c99 -Wall -Wextra $(EXAMPLE_CFLAGS) -I. -shared -fPIC -o $@ $<

$(B)/examples/cpp: examples/cpp.cpp llmfactory.h | deps
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra $(EXAMPLE_CFLAGS) -I. -o $@ $< $(CURL_LIBS)

$(B)/examples/libuv: LIBS = $(UV_LIBS)
$(B)/examples/teaching/5-nearest: LIBS = -lm
$(B)/examples/plugin/host: LIBS = $(if $(filter Linux,$(shell uname -s)),-ldl)

# Applications: each is a folder, and all are linked with one object of the library.
APPS = minutes ask-docs compare synth
apps: $(foreach a,$(APPS),$(B)/examples/$(a)/$(a))

$(B)/examples/kit/library.o: llmfactory.h | deps
	@mkdir -p $(@D)
	$(CC) -std=c99 $(EXAMPLE_CFLAGS) -DLLMFACTORY_IMPLEMENTATION -x c -c -o $@ llmfactory.h

define APP
$(B)/examples/$(1)/$(1): $(wildcard examples/$(1)/*.[ch]) examples/kit/kit.h $(B)/examples/kit/library.o
	@mkdir -p $$(@D)
	$$(CC) -std=c99 -Wall -Wextra $$(EXAMPLE_CFLAGS) -DKIT_LINKED -I. -o $$@ examples/$(1)/$(1).c $(B)/examples/kit/library.o $$(CURL_LIBS) -lm
endef
$(foreach a,$(APPS),$(eval $(call APP,$(a))))

game: $(B)/examples/game/game

$(B)/examples/game/game: $(wildcard examples/game/*.[ch]) llmfactory.h | deps
	@[ -n "$(SDL_LIBS)" ] || { echo "examples/game needs SDL2 and pkg-config (Debian: libsdl2-dev, pkg-config)" >&2; exit 1; }
	@mkdir -p $(@D)
	$(CC) -std=c99 -Wall -Wextra $(EXAMPLE_CFLAGS) -I. $$(pkg-config --cflags sdl2) -o $@ examples/game/*.c $(SDL_LIBS) $(CURL_LIBS)

$(B)/loopback: $(wildcard tests/loopback/*.[ch]) | deps-check
	@mkdir -p $(B)
	$(CC) -std=c99 $(STRICT) -D_GNU_SOURCE -O2 -g -DLOOPBACK_TLS -o $@ tests/loopback/loopback.c -lssl -lcrypto

$(B)/loopback-plain: $(wildcard tests/loopback/*.[ch])
	@mkdir -p $(B)
	$(CC) -std=c99 $(STRICT) -D_GNU_SOURCE -O2 -g -o $@ tests/loopback/loopback.c

# DEVICE_FLAGS: more -D for examples/device. Built anew each time: two seconds, and the options are on the command line.
DEVICE_CFLAGS = -std=c99 $(STRICT) -Werror -Os -mcpu=cortex-m3 -mthumb -ffreestanding -fno-tree-loop-distribute-patterns -ffunction-sections -fdata-sections \
    -fstack-usage -I. $(DEVICE_WITH:%=-DLLMF_WITH_%=1) $(DEVICE_FLAGS)
device: llmfactory.h | deps-device
	@mkdir -p $(basename $(DEVICE))
	for part in llm device board; do $(ARM)gcc $(DEVICE_CFLAGS) -c -o $(basename $(DEVICE))/$$part.o examples/device/$$part.c || exit 1; done
	$(ARM)gcc -mcpu=cortex-m3 -mthumb -nostdlib -Wl,--gc-sections -T examples/device/board.ld -o $(DEVICE) $(basename $(DEVICE))/*.o -lgcc

# Debian's libbearssl.a is made for glibc, so its source is compiled anew, once: for size, but for what a handshake spends its time in. The curve is the example's own.
CURVE = p256 modpow
HOT = i62_modpow2 sha2small ssl_hs_client x509_minimal
MUSL_BEARSSL = $(MAKE) -s -j4 -C $(B)/source/bearssl lib BUILD=$(abspath $(B)/musl)/bearssl CC=$(MUSL)
$(B)/musl/libbearssl.a: $(CURVE:%=examples/minimal/curve/%.c) | deps-minimal
	sh tools/debian-source.sh bearssl $(B)/source/bearssl
	@mkdir -p $(@D)
	$(MUSL_BEARSSL) CFLAGS="-std=c99 -Os $(SMALL)"
	rm -f $(HOT:%=$(@D)/bearssl/obj/%.o)
	$(MUSL_BEARSSL) CFLAGS="-std=c99 -O2 $(SMALL)"
	for part in $(CURVE); do $(MUSL) -std=c99 -Wall -Wextra -Werror -O3 $(SMALL) -isystem $(B)/source/bearssl/inc -isystem $(B)/source/bearssl/src \
	    -c -o $(@D)/bearssl/$$part.o examples/minimal/curve/$$part.c || exit 1; done
	ar d $(@D)/bearssl/libbearssl.a ec_p256_m31.o i31_modpow.o
	ar r $(@D)/bearssl/libbearssl.a $(CURVE:%=$(@D)/bearssl/%.o)
	mv $(@D)/bearssl/libbearssl.a $@

# minimal-plain has one dialect and no TLS, for a server of one's own. Beside them in musl/: the same with their symbols. Built anew each time: the options are on
# the command line.
SMALL = -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-pie
OZ = $(shell $(MUSL) -Oz -E -x c /dev/null >/dev/null 2>&1 && echo -Oz || echo -Os)
MINIMAL_CFLAGS = -std=c99 $(STRICT) -Werror $(OZ) $(SMALL) -I. -DLLMF_STATIC=1 -DLLMF_ONLY=1 -DLLMF_NO_MALLOC=1 -DLLMF_NO_GETADDRINFO=1 \
    -DLLMF_WITH_SOCKET=1 -DLLMF_WITH_EPOLL=1 -DLLMF_WITH_STRINGS=1
MINIMAL_LDFLAGS = -static -no-pie -Wl,--gc-sections,-z,noseparate-code,-z,norelro,--build-id=none
minimal: $(B)/minimal

.PHONY: $(B)/minimal $(B)/minimal-plain
$(B)/minimal: $(B)/musl/libbearssl.a | deps-minimal
	$(MUSL) $(MINIMAL_CFLAGS) -isystem $(B)/source/bearssl/inc -DLLMF_WITH_BEARSSL=1 -DLLMF_WITH_ROOTS=1 -DLLMF_WITH_ENV=1 $(MINIMAL_WITH:%=-DLLMF_WITH_%=1) \
	    $(MINIMAL_FLAGS) $(MINIMAL_LDFLAGS) -o $(B)/musl/$(@F) examples/minimal/*.c $(B)/musl/libbearssl.a
	strip -o $@ $(B)/musl/$(@F)

$(B)/minimal-plain: | deps-minimal
	@mkdir -p $(B)/musl
	$(MUSL) $(MINIMAL_CFLAGS) -DLLMF_WITH_OPENAI=1 $(MINIMAL_FLAGS) $(MINIMAL_LDFLAGS) -o $(B)/musl/$(@F) examples/minimal/*.c
	strip -o $@ $(B)/musl/$(@F)

# ---- what people run ----

# What a build needs: a C compiler and libcurl. Tried by compiling, installed by the system's package manager if it fails.
deps:
	@CC="$(CC)" sh tools/deps.sh build

deps-check:
	@CC="$(CC)" sh tools/deps.sh check

deps-device:
	@CC="$(CC)" sh tools/deps.sh device

deps-minimal:
	@CC="$(CC)" sh tools/deps.sh minimal

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

sim: $(B)/sim
	@$(B)/sim $(SIM)

$(B)/sim: $(wildcard tests/sim/*.[ch] tests/engine/kit.h tests/engine/script.h) llmfactory.h | deps-check
	@mkdir -p $(B)
	$(CC) -std=c99 -Wall -Wextra -O1 -g -I. -o $@ tests/sim/sim.c -lcmocka $(CURL_LIBS)

matrix: deps-check
	@sh tests/matrix.sh
	@sh tests/targets.sh

size: deps-check
	@CC="$(CC)" sh tests/size.sh
	@sh tests/device.sh readme

# The lines that differ from the last commit, no others: tables and the like are laid out by hand.
fmt:
	git clang-format --force --extensions c,h -- $$(git diff --name-only --diff-filter=d HEAD -- '*.c' '*.h' ':!llmfactory.h' ':!src/provider_options.h')

clean:
	rm -rf $(B)

install: $(B)/llmf
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/bin
	install -m 644 llmfactory.h $(DESTDIR)$(PREFIX)/include/llmfactory.h
	install -m 755 $(B)/llmf $(DESTDIR)$(PREFIX)/bin/llmf
