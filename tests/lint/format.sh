#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Formats every C file of the tree, or says which are not formatted. usage: format.sh CLANG_FORMAT ROOT write|check
set -eu
clang_format=$1 root=$2 mode=$3
cd "$root"
case $mode in
write) set -- -i ;;
check) set -- --dry-run -Werror ;;
*) echo "format.sh: expected write or check, got '$mode'" >&2; exit 64 ;;
esac
find src include providers tests -name '*.[ch]' -not -path '*/node_modules/*' -print0 | xargs -0 "$clang_format" "$@"
