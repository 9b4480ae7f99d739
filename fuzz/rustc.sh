#!/bin/sh
# rustc for fuzzing, as RUSTC_WORKSPACE_WRAPPER: with counters at every edge, and traced comparisons, so that the fuzzer finds
# magic numbers. Cargo calls it for the crates of the workspace, and keeps what it makes apart from what rustc alone makes.
# Tests, build scripts and cargo's questions do without: only what is linked with libFuzzer can have counters.
case " $* " in
*" --test "* | *" --crate-name build_script_build "* | *" --crate-name ___ "* | *" -vV "*) exec "$@" ;;
esac
exec "$@" \
    -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
