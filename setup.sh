#!/bin/sh
# Makes .venv with the extras named on the command line, and what they need of the system.
# What is missing and cannot be installed is said in one line with the fix.
set -eu
cd "$(dirname "$0")"
extras=$1
stamp=.venv/.ready

say() { printf '%s\n' "$*" >&2; }
stop() { say "error: $*"; exit 2; }
have() { command -v "$1" >/dev/null 2>&1; }

# Installs Debian packages if that needs no password, quietly; fails otherwise.
system() {
    have apt-get || return 1
    if [ "$(id -u)" = 0 ]; then as=; elif have sudo && sudo -n true 2>/dev/null; then as="sudo -n"; else return 1; fi
    say "installing $* (apt-get)"
    $as apt-get install -qq -y "$@" >/dev/null 2>&1 && return
    $as apt-get update -qq >/dev/null 2>&1 && $as apt-get install -qq -y "$@" >/dev/null 2>&1
}

wanted=$(cksum pyproject.toml | cut -d' ' -f1)
touch -c $stamp
for extra in $(echo "$extras" | tr , ' '); do
    grep -qsx "$wanted $extra" $stamp || missing=yes
done

if [ "${missing:-}" = yes ]; then
    for python in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
        have "$python" && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && found=$python && break
    done
    [ "${found:-}" ] || stop "Python 3.11 or later not found: sudo apt-get install python3"
    have g++ || system g++ || stop "g++ not found: sudo apt-get install g++"
    have perl || system perl || stop "perl not found: sudo apt-get install perl"
    if [ ! -x .venv/bin/python ]; then
        if ! "$found" -m venv .venv 2>/dev/null; then
            rm -rf .venv
            system python3-venv && "$found" -m venv .venv ||
                stop "the venv module of $found does not work: sudo apt-get install python3-venv"
        fi
    fi
    have iverilog || system iverilog ||
        say "note: iverilog not found, cocotb will run on Verilator alone (sudo apt-get install iverilog)"
    say "installing Python packages (gradgate[$extras]) into .venv"
    .venv/bin/python -m pip install --disable-pip-version-check -q -e ".[$extras]" ||
        stop "pip could not install gradgate[$extras]: see above; check the network and run make again"
    for extra in $(echo "$extras" | tr , ' '); do echo "$wanted $extra"; done >> $stamp
fi
