#!/usr/bin/env bash
# Puts the pinned ONNX Runtime library into the user's cache and prints its path on stdout.
#
# The library comes out of the `onnxruntime` Python wheel, fetched with pip from whatever package
# index pip is configured for. Where pip is missing or fails, the `onnxruntime-node` npm package
# serves as the fallback; it lags one release behind, so it has a version folder of its own.
# Archive and library are both checked against the hashes below, and the library appears in the
# cache by a rename, so an interrupted run leaves nothing half-written under its final name.
#
# A library that is already there is only checked: nothing is fetched or written to stderr.
set -euo pipefail

wheel_version=1.31.1
npm_version=1.30.0
npm_sha256=6e3390d6b783e7be946fad629292799da28d0b42f84856e50d2c1b0383291e75

say() { printf 'fetch-onnxruntime: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

unsupported() {
    fail "no pinned ONNX Runtime for $1; install ONNX Runtime 1.24 or later yourself and set" \
        "ORT_DYLIB_PATH to its shared library (supported here: Linux with glibc on x86-64 and aarch64)"
}

case "$(uname -s)-$(uname -m)" in
Linux-x86_64)
    wheel_platform=manylinux_2_28_x86_64
    wheel_sha256=5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f
    wheel_library_sha256=fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3
    npm_arch=x64
    npm_library_sha256=ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23
    ;;
Linux-aarch64)
    wheel_platform=manylinux_2_28_aarch64
    wheel_sha256=da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3
    wheel_library_sha256=8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467
    npm_arch=arm64
    npm_library_sha256=1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76
    ;;
*) unsupported "$(uname -s) on $(uname -m)" ;;
esac
if command -v getconf >/dev/null && ! getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
    unsupported "$(uname -s) on $(uname -m) without glibc"
fi

cache="${XDG_CACHE_HOME:-${HOME:?set HOME or XDG_CACHE_HOME}/.cache}/gleaner/onnxruntime"
wheel_library="$cache/$wheel_version/libonnxruntime.so.$wheel_version"
npm_library="$cache/$npm_version/libonnxruntime.so.$npm_version"

# matches FILE SHA256
matches() {
    [ -f "$1" ] && [ "$(sha256sum <"$1" | cut -d' ' -f1)" = "$2" ]
}

# publish CANDIDATE SHA256 DESTINATION: checks a fetched library and renames it into place.
publish() {
    if ! matches "$1" "$2"; then
        say "the fetched library does not have the pinned sha256 $2"
        return 1
    fi
    chmod 644 "$1" && mkdir -p "$(dirname "$3")" && mv -f "$1" "$3"
}

# Prints the name of a Python that has pip; fails when there is none.
python_with_pip() {
    local name
    for name in python3 python; do
        if "$name" -m pip --version >/dev/null 2>&1; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

fetch_with_pip() {
    local python
    python="$(python_with_pip)" || { say "no Python with pip found"; return 1; }
    say "fetching onnxruntime $wheel_version with pip"
    printf 'onnxruntime==%s --hash=sha256:%s\n' "$wheel_version" "$wheel_sha256" >"$work/require"
    # The wheel is chosen for the library inside, not for the Python that runs pip.
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps \
        --only-binary=:all: --platform "$wheel_platform" --implementation cp \
        --python-version 3.11 --abi cp311 --require-hashes -r "$work/require" \
        -d "$work" >&2 || return 1
    "$python" - "$work"/onnxruntime-*.whl "onnxruntime/capi/libonnxruntime.so.$wheel_version" \
        "$work/library" <<'PYTHON' || return 1
import shutil, sys, zipfile

wheel, member, target = sys.argv[1:]
with zipfile.ZipFile(wheel).open(member) as source, open(target, "wb") as sink:
    shutil.copyfileobj(source, sink)
PYTHON
    publish "$work/library" "$wheel_library_sha256" "$wheel_library"
}

fetch_with_npm() {
    command -v npm >/dev/null || { say "npm not found"; return 1; }
    say "fetching onnxruntime-node $npm_version with npm (about 110 MB)"
    local archive="$work/onnxruntime-node-$npm_version.tgz"
    (cd "$work" && npm pack --silent --ignore-scripts "onnxruntime-node@$npm_version" >/dev/null) ||
        return 1
    if ! matches "$archive" "$npm_sha256"; then
        say "the fetched npm package does not have the pinned sha256 $npm_sha256"
        return 1
    fi
    tar -xzOf "$archive" "package/bin/napi-v6/linux/$npm_arch/libonnxruntime.so.1" \
        >"$work/library" || return 1
    publish "$work/library" "$npm_library_sha256" "$npm_library"
}

if matches "$wheel_library" "$wheel_library_sha256"; then
    echo "$wheel_library"
    exit 0
fi
if matches "$npm_library" "$npm_library_sha256"; then
    echo "$npm_library"
    exit 0
fi

mkdir -p "$cache"
# Beside the destination, so that publishing is a rename within one file system.
work="$(mktemp -d "$cache/.fetch.XXXXXX")"
trap 'rm -rf "$work"' EXIT

if fetch_with_pip; then
    echo "$wheel_library"
elif fetch_with_npm; then
    echo "$npm_library"
else
    fail "could not fetch ONNX Runtime: it needs Python 3 with pip, or npm, and a package index;" \
        "or set ORT_DYLIB_PATH to the shared library of ONNX Runtime 1.24 or later"
fi
