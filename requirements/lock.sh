#!/bin/sh
# Write the pinned requirement files anew from pyproject.toml: `make lock`.
#
#   requirements/book.txt      what building the site needs: no torch
#   requirements/notebook.txt  what a notebook imports, where Jupyter is there already: on Binder
#   requirements/run.txt       what a learner needs: the same, and Jupyter's kernel
#   requirements/dev.txt       all of it, and what the tests need: what `make test` installs
#
# Each file is complete, so any one of them can be installed alone. dev.txt is resolved first and
# constrains the others, so a version is the same in all of them. Pins that still fit are kept;
# delete dev.txt first to take the newest of everything.
#
# Left out on purpose: the CUDA libraries. torch's own metadata pins them exactly, and whoever
# installs a CPU-only torch (see TORCH_INDEX in the Makefile) must not get them.
set -eu
cd "$(dirname "$0")/.."
python=${1:?usage: requirements/lock.sh PYTHON}
"$python" -m pip install --quiet 'uv>=0.7'

compile() { # compile NAME SOURCE OPTIONS...
    name=$1
    shift
    "$python" -m uv pip compile "$@" --universal --python-version 3.11 --quiet \
        --no-annotate --no-emit-index-url --no-header --no-emit-package triton \
        --output-file "requirements/$name.txt" >/dev/null
    {
        echo "# Pinned from pyproject.toml by \`make lock\`. Do not edit by hand."
        # Browsers (emscripten) and PyPy are outside of what the course supports.
        sed -E -e '/^(#|nvidia-|cuda-)/d' -e "/== '(emscripten|pypy)'/d" \
            -e "s/ ; sys_platform != 'emscripten'\$//" "requirements/$name.txt"
    } >"requirements/$name.txt.new"
    mv "requirements/$name.txt.new" "requirements/$name.txt"
}

compile dev pyproject.toml --all-extras
compile notebook pyproject.toml --constraint requirements/dev.txt
compile run pyproject.toml --extra run --constraint requirements/dev.txt
# The site's own needs without the package's dependencies: no option of uv's says that.
"$python" -c 'import tomllib
with open("pyproject.toml", "rb") as f:
    print(*tomllib.load(f)["project"]["optional-dependencies"]["book"], sep="\n")' |
    compile book - --constraint requirements/dev.txt
