# carpool: one Makefile for everything.  `make help` lists the targets.
#
# BUILD=release|debug|asan|tsan|fuzz|cov   which build, each in its own folder
# OUT=build                                where the builds go
# V=1                                      show the commands
# WERROR=1 (or CI=true)                    warnings are errors
# JOBS=n                                   jobs at a time (default: the cores)

VERSION := 0.1.0

BUILD ?= release
OUT ?= build
PREFIX ?= /usr/local
DESTDIR ?=

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

ifeq ($(filter $(BUILD),release debug asan tsan fuzz cov),)
$(error BUILD=$(BUILD): must be release, debug, asan, tsan, fuzz or cov)
endif
JOBS ?= $(shell nproc 2>/dev/null || echo 1)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(JOBS)
endif

B := $(OUT)/$(BUILD)
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-6s %s\n')

# --- sources, folder by folder ---------------------------------------------

FOLDERS := base io auth sql config core postgres mysql control admin

LIB_SRC := $(foreach f,$(FOLDERS),$(sort $(wildcard src/$f/*.c))) \
	$(wildcard src/protocols.c)
MAIN_SRC := $(wildcard src/main.c)
UNIT_SRC := $(sort $(wildcard test/unit/*/test_*.c))
FAKE_SRC := $(sort $(wildcard test/fake/*.c))
FUZZ_SRC := $(sort $(wildcard test/fuzz/fuzz_*.c))
FAULT_SRC := $(sort $(wildcard test/fault/*.c))
LOAD_SRC := $(sort $(wildcard test/load/*.c))
PRELOAD_SRC := $(sort $(wildcard test/fault/preload/*.c))

LIB_OBJ := $(LIB_SRC:%.c=$B/obj/%.o)
MAIN_OBJ := $(MAIN_SRC:%.c=$B/obj/%.o)
FAKE_OBJ := $(FAKE_SRC:%.c=$B/obj/%.o)
TEST_OBJ := $(patsubst %.c,$B/obj/%.o,$(UNIT_SRC) $(FUZZ_SRC) $(FAULT_SRC) \
	$(LOAD_SRC))
UNIT_BIN := $(UNIT_SRC:test/unit/%.c=$B/unit/%)
FUZZ_BIN := $(FUZZ_SRC:test/fuzz/%.c=$B/fuzz/%)
LOAD_BIN := $(if $(LOAD_SRC),$B/load/askers)
FAULT_BIN := $(FAULT_SRC:test/fault/%.c=$B/fault/%) \
	$(PRELOAD_SRC:test/fault/preload/%.c=$B/fault/%.so)

PROGRAM := $B/carpool
LIBRARY := $B/libcarpool.a
FAKES := $(if $(FAKE_SRC),$B/libfake.a)

# --- libraries ---------------------------------------------------------------

PKG_CONFIG ?= pkg-config
PACKAGES := openssl libpq inih libcares libsodium
PACKAGES += $(if $(filter release,$(BUILD)),jemalloc)
# SASLprep's tables; a build without the library is refused by auth/ if needed.
PACKAGES += $(shell $(PKG_CONFIG) --exists libidn 2>/dev/null && echo libidn)

PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -pthread
CMOCKA_LIBS = $(shell $(PKG_CONFIG) --libs cmocka)

# --- compiler and flags ------------------------------------------------------

ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(BUILD)),clang,gcc)
endif
AR = $(if $(LTO),gcc-ar,ar)
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wcast-qual -Wcast-align=strict -Wpointer-arith -Wwrite-strings \
	-Wformat=2 -Wundef -Wvla -Walloca -Wswitch-enum \
	-Wimplicit-fallthrough -Wdouble-promotion -Wnull-dereference \
	-Wno-missing-field-initializers
WARNINGS_GCC := -Wlogical-op -Wduplicated-cond -Wduplicated-branches \
	-Wjump-misses-init
WARNINGS_CLANG := -Wthread-safety -Wenum-conversion -Wcomma \
	-Wno-unknown-warning-option
WARNINGS += $(if $(IS_CLANG),$(WARNINGS_CLANG),$(WARNINGS_GCC))
ifneq ($(filter true 1,$(CI) $(WERROR)),)
WARNINGS += -Werror
endif

DEFINES := -D_GNU_SOURCE -DCARPOOL_VERSION='"$(VERSION)"'
INCLUDES := -Iinclude -Isrc

HARDEN := -fstack-protector-strong -fPIE -fno-common
HARDEN_LINK := -pie -Wl,-z,relro,-z,now

# Calls between small files are most of what a transaction costs in user mode.
LTO := $(if $(IS_CLANG),,-flto=auto -ffat-lto-objects)

FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -DCARPOOL_JEMALLOC $(LTO)
FLAGS_debug := -O0 -g3
FLAGS_asan := -O1 -g -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer
FLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
FLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer
FLAGS_cov := -O0 -g --coverage
LINK_release := -O2 $(LTO)
LINK_asan := -fsanitize=address,undefined
LINK_tsan := -fsanitize=thread
LINK_fuzz := -fsanitize=address,undefined
LINK_cov := --coverage

C_FLAGS = -std=c11 $(DEFINES) $(INCLUDES) $(WARNINGS) $(HARDEN) -pthread \
	$(FLAGS_$(BUILD)) $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS)
L_FLAGS = $(HARDEN_LINK) $(LINK_$(BUILD)) $(LDFLAGS)

# --- what to make ------------------------------------------------------------

.PHONY: help all demo test unit integration clients soak lint format bench man \
	install clean tools objects unit-binaries fuzz-binaries print-flags

all: $(PROGRAM) $(if $(filter release,$(BUILD)),carpool) ## build the program (default)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / \
		{ printf "make %-12s %s\n", $$1, $$2 }' Makefile
	@echo 'BUILD=release|debug|asan|tsan|fuzz|cov   V=1 shows the commands'

demo: ## private servers, carpool before them, a first load (CHECK=1: then end)
	@packaging/deps/install build demo
	@+$(MAKE) --no-print-directory BUILD=release all
	@OUT='$(OUT)' CHECK='$(CHECK)' packaging/demo

test: ## every test; the last line is "N passed, N failed"
	@OUT='$(OUT)' test/run $(ARGS)

unit: unit-binaries ## unit tests of this BUILD
	@test/run-unit $B

integration: $(PROGRAM) tools ## integration tests of this BUILD (ARGS= for pytest)
	@test/run-integration $B $(ARGS)

clients: $(PROGRAM) ## drivers of all languages, or of LANGUAGE=node, ...
	@test/run-clients $B '$(LANGUAGE)' $(ARGS)

soak: ## long forms of the tests and fuzz targets, for MINUTES=n
	@OUT='$(OUT)' test/soak $(or $(MINUTES),60) $(ARGS)

lint: ## layers, sizes, names, forbidden calls, headers, cppcheck, ...
	@OUT='$(OUT)' test/lint/lint $(ARGS)

format: ## apply clang-format to all C files
	$Qclang-format -i $$(find include src test bench -name '*.[ch]')

bench: ## measure both protocols beside their peers (ARGS=--quick)
	@packaging/deps/install build demo bench
	@+$(MAKE) --no-print-directory BUILD=release all $(OUT)/bench/relay \
		$(OUT)/bench/load
	@/usr/bin/python3 bench/run --out $(OUT) $(ARGS)

classify-cost: $(OUT)/bench/classify ## instructions to classify a statement
	@$(OUT)/bench/classify bench/classify.sql $(ARGS)

man: $(OUT)/man/carpool.ini.5 ## write man/carpool.ini.5 from the settings table
	@cmp -s $< man/carpool.ini.5 || cp $< man/carpool.ini.5

clean: ## remove all builds
	$Qrm -rf $(OUT) carpool

install: all ## install below $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/doc/carpool
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/carpool
	for f in man/*.[15]; do test ! -e $$f || install -m 644 $$f \
		$(DESTDIR)$(PREFIX)/share/man/man$${f##*.}/ || exit; done
	for f in README.md etc/*; do test ! -e $$f || install -m 644 $$f \
		$(DESTDIR)$(PREFIX)/share/doc/carpool/ || exit; done

tools: $(FAULT_BIN) $(LOAD_BIN)
unit-binaries: $(UNIT_BIN)
objects: $(LIB_OBJ) $(MAIN_OBJ) $(FAKE_OBJ) $(TEST_OBJ)
fuzz-binaries: $(FUZZ_BIN)

# For the scripts that compile by themselves.
print-flags:
	$(info -std=c11 $(DEFINES) $(INCLUDES) $(WARNINGS) $(PKG_CFLAGS))
	@:

# --- how to make it ----------------------------------------------------------

$(PROGRAM): $(MAIN_OBJ) $(LIBRARY)
	$(if $(MAIN_SRC),,@echo 'src/main.c is missing: no program'; false)
	$(say) LINK $@
	$Q$(CC) $(C_FLAGS) $(L_FLAGS) -o $@ $(MAIN_OBJ) $(LIBRARY) $(LIBS)

carpool: $(PROGRAM)
	$Qln -sfn $< $@

$(LIBRARY): $(LIB_OBJ)
	$(say) AR $@
	$Qmkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

$B/libfake.a: $(FAKE_OBJ)
	$(say) AR $@
	$Qmkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

$B/obj/%.o: %.c Makefile
	$(say) CC $<
	$Qmkdir -p $(@D) && $(CC) $(C_FLAGS) -MMD -MP -c -o $@ $<

# A fake replaces a lower layer's file of the same interface: the linker takes
# the first archive that has the symbol.  The tests of base and io want the
# real files, those of the layers above the fakes where there are some.
fakes_first = $(if $(filter base io,$(1)),,$(FAKES))
$B/unit/%: $B/obj/test/unit/%.o $(LIBRARY) $(FAKES)
	$(say) LINK $@
	$Qmkdir -p $(@D) && $(CC) $(C_FLAGS) $(L_FLAGS) -o $@ $< \
		$(call fakes_first,$(patsubst %/,%,$(dir $*))) \
		$(LIBRARY) $(FAKES) $(LIBRARY) $(LIBS) $(CMOCKA_LIBS)

$B/fuzz/%: $B/obj/test/fuzz/%.o $(LIBRARY)
	$(say) LINK $@
	$Qmkdir -p $(@D) && $(CC) $(C_FLAGS) $(L_FLAGS) \
		$(if $(filter fuzz,$(BUILD)),-fsanitize=fuzzer) \
		-o $@ $< $(LIBRARY) $(LIBS)

$B/fault/%: $B/obj/test/fault/%.o
	$(say) LINK $@
	$Qmkdir -p $(@D) && $(CC) $(C_FLAGS) $(L_FLAGS) -o $@ $< -pthread

$B/load/askers: $(LOAD_SRC:%.c=$B/obj/%.o)
	$(say) LINK $@
	$Qmkdir -p $(@D) && $(CC) $(C_FLAGS) $(L_FLAGS) -o $@ $^

# Loaded before the program, whatever that was built with: plain flags.
$B/fault/%.so: test/fault/preload/%.c Makefile
	$(say) LINK $@
	$Qmkdir -p $(@D) && $(CC) -std=c11 $(DEFINES) $(WARNINGS) -O2 -fPIC \
		-shared -o $@ $< -ldl

$(OUT)/bench/relay: bench/relay.c Makefile
	$(say) CC $<
	$Qmkdir -p $(@D) && $(CC) -std=c11 $(DEFINES) $(WARNINGS) $(HARDEN) \
		-O2 -g $(HARDEN_LINK) -o $@ $<

$(OUT)/bench/load: $(wildcard bench/load/*.[ch]) Makefile
	$(say) CC bench/load
	$Qmkdir -p $(@D) && $(CC) -std=c11 $(DEFINES) $(WARNINGS) $(HARDEN) \
		-O2 -g $(HARDEN_LINK) -pthread -o $@ $(filter %.c,$^) -lcrypto

$(OUT)/bench/classify: bench/classify.c $(LIBRARY)
	$(say) CC $<
	$Qmkdir -p $(@D) && $(CC) $(C_FLAGS) $(L_FLAGS) -o $@ $^

# The settings part of the page is printed by the program from its table.
$(OUT)/man/carpool.ini.5: man/carpool.ini.5.in $(PROGRAM)
	$(say) MAN $@
	$Qmkdir -p $(@D) && $(PROGRAM) --print-settings-man >$@.part
	$Qsed -e '/^@SETTINGS@$$/{r $@.part' -e 'd;}' \
		-e 's/@VERSION@/$(VERSION)/' $< >$@ && rm -f $@.part

.PRECIOUS: $B/obj/%.o
-include $(shell test -d $B/obj && find $B/obj -name '*.d')
