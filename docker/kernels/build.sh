#!/bin/sh
# build.sh OUT: compiles the kernels into the folder OUT, a library for each level of this processor's family.
# Each holds the SHA-256 over the lines "file hash  name" of this script, whose flags make bits too, and of the sources.
# CC: another compiler than gcc; KERNELS_FLAGS: more flags. Both are for tests
set -eu
export LC_ALL=C
cd "$(dirname "$0")"
out=$1
hash=$(sha256sum -- build.sh *.[ch] | sha256sum | cut -d " " -f 1)
flags="-std=gnu11 -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math -fopenmp-simd -shared -fPIC -s -Wall -Wextra"
flags="$flags -Wno-unknown-pragmas -DSOURCE=\"$hash\""
mkdir -p "$out"
case $(uname -m) in
x86_64) levels="x86-64-v3 x86-64-v4" ;;
aarch64) levels="armv8-a" ;;
*) echo "build.sh: no kernels for $(uname -m)" >&2; exit 1 ;;
esac
for level in $levels; do
    wide=; [ "$level" != x86-64-v4 ] || wide=-mprefer-vector-width=512
    # shellcheck disable=SC2086
    ${CC:-gcc} $flags $wide ${KERNELS_FLAGS:-} -march="$level" -o "$out/.$level.so" kernels.c -lm
    mv "$out/.$level.so" "$out/$level.so"
done
